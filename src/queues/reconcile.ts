/** The reconciler: compares open records with BullMQ's states and repairs what BullMQ alone never would. */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { JobRecord, Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { bullIds } from './identity.ts'
import { isJobName } from './jobs.ts'

/** Between two rounds, and between two looks at the same record, ms. */
const lookAgainMs = 60_000

/** Per round; a backlog of 100,000 is seen in pieces, oldest look first. */
const perRound = 1_000

export type Repair = 'put-back' | 'expired' | 'worker-died' | 'accepted'

export interface ReconcileParts {
  readonly records: Records
  readonly admin: Admin
  readonly clock: Clock
  readonly onRepair?: (repair: Repair, record: JobRecord) => void
}

/** A round at once and every minute, until the signal aborts. */
export async function keepReconciling(
  parts: ReconcileParts,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await reconcile(parts).catch(onError)
    await parts.clock.sleep(lookAgainMs, signal).catch(() => undefined)
  }
}

/** One round. Safe to run in every worker: each record is handed to one of them. */
export async function reconcile(
  { records, admin, clock, onRepair }: ReconcileParts,
  againMs = lookAgainMs,
): Promise<void> {
  for (const id of await records.dueForLook(perRound, againMs)) {
    const record = await records.read(id)
    if (!record) continue
    const repair = await repairOne(records, admin, record, clock.nowMs())
    if (repair) onRepair?.(repair, record)
  }
}

async function repairOne(
  records: Records,
  admin: Admin,
  record: JobRecord,
  nowMs: number,
): Promise<Repair | undefined> {
  const { queue } = record
  const { jobId, state } = await find(admin, record)
  if (state === 'active') return
  if (state === 'completed') return adopt(records, record, await admin.returnValue(queue, jobId))
  // The processor writes every end of its own: a failed job that still counts as running was ended by BullMQ.
  if (state === 'failed' && record.state === 'running') return endAs(records, record, workerDied())
  if (record.deadlineAtMs < nowMs && (await admin.remove(queue, jobId)))
    return endAs(records, record, expired())
  if (state === 'unknown' || state === 'failed') return putBack(admin, record)
  return
}

async function find(
  admin: Admin,
  { id, queue }: JobRecord,
): Promise<{ readonly jobId: string; readonly state: string }> {
  for (const jobId of bullIds(queue, id)) {
    const state = await admin.stateOf(queue, jobId)
    if (state !== 'unknown') return { jobId, state }
  }
  return { jobId: id, state: 'unknown' }
}

/** BullMQ completed it, the record missed it: Redis lost its last second. */
async function adopt(records: Records, { id }: JobRecord, result: unknown): Promise<Repair> {
  await records.accept(id, result)
  return 'accepted'
}

async function putBack(admin: Admin, { id, name, queue, payload }: JobRecord): Promise<Repair | undefined> {
  if (!isJobName(name)) return
  await admin.putBack(queue, name, JSON.parse(payload), id)
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
