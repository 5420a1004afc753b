/**
 * Keeping alive: looks at the names that are due and does the one thing that nextStep says. A renewal is an ordinary
 * media.upload with an id of its own, so that limits, records and ledger are those of every upload.
 */

import type { Clock } from '../clock.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { type KeepAlive, type Kept, type KeptJob, keptStateOf, nextStep, renewalOf } from '../ledger/index.ts'
import { isEnd, type JobRecord, type Records } from '../record/index.ts'
import { mediaLifeMs } from '../wecom/platform.ts'
import type { Admin } from './admin.ts'
import { enqueue } from './enqueue.ts'
import { renewalId } from './identity.ts'
import type { Payload } from './jobs.ts'
import { parsePayload } from './parse.ts'

/** Of the beat, see beat.ts: its jobs are no jobs of ours. */
export const keepAliveQueue = 'keep-alive'

/** What happened to a name. Programs hear it on a channel, people in logs and metrics. */
export interface KeptEvent {
  /** `kept`: the first media_id is there. `failed`: a renewal brought nothing. `dead`: the media_id serves no more. */
  readonly event: 'kept' | 'renewed' | 'failed' | 'dead' | 'ended'
  readonly app: string
  readonly name: string
  readonly mediaId?: string
  readonly expiresAtMs?: number
  /** The renewal had nothing to upload: another job had done it. */
  readonly reused?: boolean
  readonly fault?: FaultReport
}

export interface RenewParts {
  readonly names: KeepAlive
  readonly records: Records
  readonly admin: Admin
  readonly clock: Clock
  /** A renewal begins when so much of the life is left, ms. */
  readonly renewBeforeMs: number
  /** Between two looks at a name whose renewal is under way, ms. */
  readonly lookMs: number
  readonly onEvent: (event: KeptEvent) => void
  readonly onError: (error: unknown) => void
}

const perPage = 100
/** Looked at together: 10,000 names that are due are a matter of seconds, also where Redis is a millisecond away. */
const together = 20
/** Of one round, ms; the next one goes on. */
const roundMs = 20_000

/** One round over the names that are due. Each is handed to one round at a time, and a second run finds the work done. */
export async function renewDue(parts: RenewParts): Promise<void> {
  const { names, clock, lookMs } = parts
  const endMs = clock.monotonicMs() + roundMs
  while (clock.monotonicMs() < endMs) {
    const { ids, handedOutAtMs } = await names.due(perPage, lookMs)
    for (let at = 0; at < ids.length; at += together) {
      const some = ids.slice(at, at + together)
      await Promise.all(some.map(id => lookAt(parts, id, handedOutAtMs).catch(parts.onError)))
    }
    if (ids.length < perPage) return
  }
}

async function lookAt(parts: RenewParts, id: string, handedOutAtMs: number): Promise<void> {
  const { names, records, renewBeforeMs } = parts
  const seen = await names.read(id)
  if (!seen) return names.drop(id)
  const { kept, nowMs } = seen
  await tell(parts, kept, nowMs)
  const record = kept.job === undefined ? undefined : await records.read(kept.job)
  const step = nextStep(kept, kept.job === undefined ? undefined : became(record), nowMs, parts)
  if (step.as === 'sleep') return names.sleep(id, handedOutAtMs, step.untilMs, renewBeforeMs)
  if (step.as === 'drop') return names.drop(id)
  if (step.as === 'renew') return renew(parts, kept, nowMs)
  if (step.as === 'note') return note(parts, kept, record?.fault)
  if (await names.end(id, 'until')) await happened(parts, kept, { event: 'ended' })
}

function became(record: JobRecord | undefined): KeptJob {
  if (!record) return 'unknown'
  if (!isEnd(record.state)) return 'under-way'
  return record.state === 'done' ? 'done' : 'failed'
}

/** A media_id that nobody has told of, or the death of one. */
async function tell(parts: RenewParts, kept: Kept, nowMs: number): Promise<void> {
  const { names, renewBeforeMs } = parts
  const { brought, told, medium } = kept
  if (brought > told && (await names.tells(kept, 'told'))) {
    const event = told === 0 && brought === 1 ? 'kept' : 'renewed'
    await happened(parts, kept, { event, ...(medium?.reused && { reused: true }) })
  }
  // A forgotten one is renewed at once: only when that fails is there something to tell.
  const isDead = medium && (medium.expiresAtMs <= nowMs || kept.trouble !== undefined)
  if (isDead && keptStateOf(kept, nowMs, renewBeforeMs) === 'dead' && (await names.tells(kept, 'toldDead')))
    await happened(parts, kept, { event: 'dead' })
}

/** The round comes first: a worker that dies behind it leaves a job that nobody knows, and a minute later another is begun. */
async function renew(parts: RenewParts, kept: Kept, nowMs: number): Promise<void> {
  const { names, records, admin, renewBeforeMs } = parts
  const { id: name, sinceMs, round } = kept
  const id = renewalId(name, sinceMs, round)
  if (!(await names.begin(kept, id))) return
  try {
    const payload = renewalPayload(kept, renewalOf(kept, nowMs, { renewBeforeMs, lifeMs: mediaLifeMs }))
    await enqueue(records, admin, { id, name: 'media.upload', payload, again: false })
  } catch (error) {
    // Another version may have written what this one does not take: that must be seen, too.
    if (!(error instanceof Fault) || error.kind !== 'invalid') throw error
    await note(parts, { ...kept, job: id }, error.report())
  }
}

function renewalPayload(
  { payload, name, untilMs }: Kept,
  { minLifeMs, deadlineMs, isUrgent }: ReturnType<typeof renewalOf>,
): Payload<'media.upload'> {
  const first = JSON.parse(payload) as Payload<'media.upload'>
  const keepAlive = { name, until: new Date(untilMs).toISOString() }
  const least = Math.max(minLifeMs, first.minLifeMs ?? 0)
  const asked = { keepAlive, minLifeMs: least, deadlineMs, urgent: first.urgent || isUrgent }
  return parsePayload('media.upload', { ...first, ...asked })
}

async function note(parts: RenewParts, kept: Kept, fault: FaultReport = lost): Promise<void> {
  if (await parts.names.note(kept, fault)) await happened(parts, kept, { event: 'failed', fault })
}

const lost: FaultReport = { kind: 'expired', message: 'the renewal ended without a reason that is known' }

async function happened(
  { names, onEvent }: RenewParts,
  { app, name, medium }: Kept,
  what: Pick<KeptEvent, 'event' | 'reused' | 'fault'>,
): Promise<void> {
  const at = medium && { mediaId: medium.mediaId, expiresAtMs: medium.expiresAtMs }
  const event = { ...what, app, name, ...at }
  onEvent(event)
  await names.publish(event)
}
