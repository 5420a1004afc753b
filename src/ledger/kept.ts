/** A media_id that is kept alive under a name, as arithmetic: how it stands, and what is to be done about it now. No I/O. */

import { createHash } from 'node:crypto'
import type { FaultReport } from '../fault.ts'

/** The media_id that a name has at the moment. */
export interface KeptMedium {
  readonly mediaId: string
  /** By the platform's clock, ms. */
  readonly createdAtMs: number
  readonly expiresAtMs: number
  /** Lower-case hex; a renewal sends these bytes or none. */
  readonly sha256: string
  readonly sizeBytes: number
  readonly fileName: string
  /** The job that brought it. */
  readonly job: string
  /** It was at hand: that job has uploaded nothing. */
  readonly reused: boolean
}

/** A name as Redis has it. All times are those of Redis, ms, where nothing else is said. */
export interface Kept {
  readonly id: string
  readonly app: string
  readonly name: string
  /** The upload that is repeated, as JSON. */
  readonly payload: string
  readonly sinceMs: number
  readonly untilMs: number
  readonly medium?: KeptMedium
  /** When that one was brought. */
  readonly broughtAtMs?: number
  /** How many media_ids the name has had; and of how many it was told. */
  readonly brought: number
  readonly told: number
  /** The job that is to bring the next one. */
  readonly job?: string
  /** Renewals that were begun, and when the last one was. */
  readonly round: number
  readonly triedAtMs?: number
  /** Why the last renewal failed, and since when they do; none after one that brought something. */
  readonly trouble?: {
    readonly fault: FaultReport
    readonly atMs: number
    readonly sinceMs: number
    readonly tries: number
  }
  /** The platform no longer knows the media_id (40007). */
  readonly forgottenAtMs?: number
  readonly end?: { readonly atMs: number; readonly why: KeptEnd }
}

/** What of a name decides on its state. */
export interface KeptTimes extends Pick<Kept, 'untilMs' | 'forgottenAtMs'> {
  readonly medium?: Pick<KeptMedium, 'expiresAtMs'>
  readonly end?: unknown
  readonly trouble?: unknown
}

/** `until`: its time was over. `let-go`: on request. */
export type KeptEnd = 'until' | 'let-go'

/**
 * `new`: the first upload is under way. `fresh`: good for now. `ageing`: a renewal is due or under way. `failing`: the last
 * renewal failed, the media_id still serves. `dead`: it does not serve any more; renewals are tried on. `ended`: nobody
 * looks after it any more, and it is shown for two weeks.
 */
export const keptStates = ['new', 'fresh', 'ageing', 'failing', 'dead', 'ended'] as const
export type KeptState = (typeof keptStates)[number]

/** Names are unique per app. */
export const keptId = (app: string, name: string): string =>
  createHash('sha256')
    .update(JSON.stringify([app, name]))
    .digest('hex')
    .slice(0, 32)

const minute = 60_000
const hour = 60 * minute

/** A renewal begins when so much of the life is left: a day for a person to act, and two tries an hour or more. */
export const defaultRenewBeforeMs = 24 * hour

/** How long a name is shown after its end, ms: as long as records. */
export const keptRetentionMs = 14 * 24 * hour

/** A name whose first job is nowhere to be seen was reserved by a producer that died, or is about to queue it, ms. */
export const reservationMs = minute

/** Ms since 1970; infinite when the media_id outlives the name, and long ago where there is none. */
function renewalDueMs({ medium, untilMs, forgottenAtMs }: KeptTimes, renewBeforeMs: number): number {
  if (forgottenAtMs !== undefined) return forgottenAtMs
  if (!medium) return Number.NEGATIVE_INFINITY
  if (medium.expiresAtMs >= untilMs) return Number.POSITIVE_INFINITY
  return medium.expiresAtMs - renewBeforeMs
}

/** From the beginning of one try to that of the next, ms: 24 tries in the last day, more often towards the end. */
export function gapMs(
  { medium, forgottenAtMs }: Pick<Kept, 'medium' | 'forgottenAtMs'>,
  nowMs: number,
): number {
  const leftMs = (medium?.expiresAtMs ?? nowMs) - nowMs
  if (forgottenAtMs !== undefined) return 5 * minute
  return leftMs <= 0 ? hour : Math.min(hour, Math.max(5 * minute, Math.floor(leftMs / 24)))
}

/**
 * When the next renewal begins: when it is due, but never two tries at once, also where the platform answers with a
 * media_id that is old already. Infinite when none will.
 */
export function renewalAtMs(kept: Kept, renewBeforeMs: number): number {
  const dueMs = renewalDueMs(kept, renewBeforeMs)
  const { triedAtMs, forgottenAtMs = Number.NEGATIVE_INFINITY } = kept
  if (triedAtMs === undefined || forgottenAtMs > triedAtMs) return dueMs
  return Math.max(dueMs, triedAtMs + gapMs(kept, triedAtMs))
}

/** A renewal that was begun by a worker that died before it was queued is no try: another one is due as soon as that is sure. */
const afterNobodyMs = (kept: Kept, renewBeforeMs: number): number =>
  Math.max(renewalDueMs(kept, renewBeforeMs), (kept.triedAtMs ?? 0) + reservationMs)

export function keptStateOf(kept: KeptTimes, nowMs: number, renewBeforeMs: number): KeptState {
  const { medium, end, untilMs, forgottenAtMs, trouble } = kept
  if (end || untilMs <= nowMs) return 'ended'
  if (!medium) return 'new'
  if (medium.expiresAtMs <= nowMs || forgottenAtMs !== undefined) return 'dead'
  if (trouble) return 'failing'
  return renewalDueMs(kept, renewBeforeMs) <= nowMs ? 'ageing' : 'fresh'
}

/** What became of the job that is to bring the next media_id. `unknown`: there is no such record. */
export type KeptJob = 'under-way' | 'done' | 'failed' | 'unknown'

export type KeptStep =
  /** Nothing to do until then. */
  | { readonly as: 'sleep'; readonly untilMs: number }
  | { readonly as: 'renew' }
  /** Its job has failed. */
  | { readonly as: 'note' }
  /** `until` has come. */
  | { readonly as: 'end' }
  /** Nothing is left to show, or it never came about. */
  | { readonly as: 'drop' }

/** The one thing to do about a name now. `job` says what became of `kept.job`, where there is one. */
export function nextStep(
  kept: Kept,
  job: KeptJob | undefined,
  nowMs: number,
  { renewBeforeMs, lookMs }: { readonly renewBeforeMs: number; readonly lookMs: number },
): KeptStep {
  const { medium, end, untilMs, sinceMs } = kept
  if (end) return nowMs >= end.atMs + keptRetentionMs ? drop : sleep(end.atMs + keptRetentionMs)
  if (untilMs <= nowMs) return { as: 'end' }
  if (job === 'under-way') return sleep(nowMs + lookMs)
  if (!medium && job !== 'done') {
    return job === 'unknown' && nowMs < sinceMs + reservationMs ? sleep(sinceMs + reservationMs) : drop
  }
  if (job === 'failed') return { as: 'note' }
  const atMs = job === 'unknown' ? afterNobodyMs(kept, renewBeforeMs) : renewalAtMs(kept, renewBeforeMs)
  return atMs <= nowMs ? { as: 'renew' } : sleep(Math.min(atMs, untilMs))
}

const drop = { as: 'drop' } as const
const sleep = (untilMs: number): KeptStep => ({ as: 'sleep', untilMs })

/** What a renewal asks for: one that had to wait longer than a gap is given up, and its fault is told. */
export const renewalOf = (
  kept: Kept,
  nowMs: number,
  { renewBeforeMs, lifeMs }: { readonly renewBeforeMs: number; readonly lifeMs: number },
): { readonly minLifeMs: number; readonly deadlineMs: number; readonly isUrgent: boolean } => ({
  // What the name has is no answer; what another job has uploaded meanwhile is.
  minLifeMs: Math.round((lifeMs + renewBeforeMs) / 2),
  deadlineMs: Math.max(10 * minute, gapMs(kept, nowMs)),
  // Behind a backlog of hours each try would be given up, and the media_id would die of it. Without one nothing serves.
  isUrgent: kept.trouble !== undefined || kept.forgottenAtMs !== undefined || !kept.medium,
})
