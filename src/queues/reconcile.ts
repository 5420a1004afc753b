/** The reconciler: compares open records with BullMQ's states and repairs what BullMQ alone never would. */

import { type Clock, keepDoing } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { JobRecord, Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { canBeGiven } from './identity.ts'
import { isJobName, queueNames } from './jobs.ts'

/** Between two rounds, and between two looks at the same record, ms. */
const lookAgainMs = 60_000

/** Small pages, so that ids which are not reached in time are left for another worker; and the time of one round, ms. */
const perPage = 200
const roundMs = 45_000

export type Repair = 'put-back' | 'expired' | 'worker-died' | 'accepted'

export interface ReconcileParts {
  readonly records: Records
  readonly admin: Admin
  readonly clock: Clock
  readonly onRepair?: (repair: Repair, record: JobRecord) => void
  readonly onError?: (error: unknown) => void
}

/** A round at once and every minute, until the signal aborts. */
export function keepReconciling(parts: ReconcileParts, signal: AbortSignal): Promise<void> {
  const { clock, onError = () => undefined } = parts
  return keepDoing(() => reconcile(parts), { clock, everyMs: lookAgainMs, onError }, signal)
}

/** One round. Safe to run in every worker: each record is handed to one of them. */
export async function reconcile(parts: ReconcileParts): Promise<void> {
  const { records, clock } = parts
  const endMs = clock.monotonicMs() + roundMs
  while (clock.monotonicMs() < endMs) {
    const { nowMs, ids } = await records.dueForLook(perPage, lookAgainMs)
    // One that can't be handled here must not hide those behind it.
    for (const id of ids) await lookAt(parts, id, nowMs).catch(error => parts.onError?.(error))
    if (ids.length < perPage) return
  }
}

async function lookAt(
  { records, admin, onRepair }: ReconcileParts,
  id: string,
  nowMs: number,
): Promise<void> {
  const record = await records.read(id)
  if (!record) return void (await records.forgetOpen(id))
  // A queue of a newer version: its own workers look after it.
  if (!(queueNames as readonly string[]).includes(record.queue)) return
  const repair = await repairOne(records, admin, record, nowMs)
  if (repair) onRepair?.(repair, record)
}

/** `nowMs` by Redis, as deadlines are. */
async function repairOne(
  records: Records,
  admin: Admin,
  record: JobRecord,
  nowMs: number,
): Promise<Repair | undefined> {
  const { queue, jobId } = record
  const state = await admin.stateOf(queue, jobId)
  if (state === 'active') return
  if (state === 'completed') return adopt(records, record, await admin.returnValue(queue, jobId))
  // The processor writes every end of its own: a failed job that still counts as running was ended by BullMQ.
  if (state === 'failed' && record.state === 'running') return endAs(records, record, workerDied())
  if (record.deadlineAtMs < nowMs && (await admin.remove(queue, jobId)))
    return endAs(records, record, expired())
  if (state === 'unknown' || state === 'failed') return putBack(admin, record)
  return
}

/** BullMQ completed it, the record missed it: Redis lost its last second. */
async function adopt(records: Records, { id }: JobRecord, result: unknown): Promise<Repair | undefined> {
  // Removed in between, or ended by its own worker just now.
  if (result === undefined || result === null || (await records.read(id))?.state === 'done') return
  await records.accept(id, result)
  return 'accepted'
}

async function putBack(
  admin: Admin,
  { id, jobId, name, queue, payload }: JobRecord,
): Promise<Repair | undefined> {
  if (!isJobName(name)) return
  await admin.putBack(queue, name, JSON.parse(payload), canBeGiven(jobId) ? jobId : id)
  return 'put-back'
}

async function endAs(records: Records, record: JobRecord, fault: Fault): Promise<Repair | undefined> {
  const settled = await records.settle(record, { as: 'failed', fault: fault.report() })
  return settled.as === 'settled' ? (fault.kind as 'expired' | 'worker-died') : undefined
}

const expired = (): Fault =>
  new Fault('expired', 'the deadline passed before a worker took the job: are workers running?')

/** The end of a job whose workers died under it, more often than BullMQ allows. */
export const workerDied = (): Fault =>
  new Fault(
    'worker-died',
    'several workers died while running this job: look at their logs before asking for it again',
  )
