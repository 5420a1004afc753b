/**
 * Nothing is uploaded twice: what the ledger has is the answer, what another job is uploading right now is waited for
 * outside of any slot. Reading the bytes for their hash costs far less than sending them.
 */

import { Fault } from '../fault.ts'
import type { Source } from '../files/file.ts'
import { sha256, sha256Of } from '../files/fingerprint.ts'
import { defaultMinLifeMs, type Entry, type Subject } from '../ledger/index.ts'
import type { Step } from '../record/index.ts'
import { mediaLifeMs } from '../wecom/platform.ts'
import type { AttemptState, JobContext, Resources } from './context.ts'
import { isFinal } from './outcome.ts'

export interface Wish {
  /** Default `allow`. */
  readonly reuse?: 'allow' | 'never' | undefined
  /** Life that a media_id must have left, ms. */
  readonly minLifeMs?: number | undefined
}

/**
 * What is known of these bytes; undefined when this job is to upload them. Throws `pending` when another job is at it,
 * which wakes this one when it has a result. `facts` are kept then, so that no look reads the source again: see `followed`.
 * `of`: which source of several.
 */
export async function known(
  subject: Subject,
  { reuse = 'allow', minLifeMs = defaultMinLifeMs }: Wish,
  context: JobContext,
  { ledger }: Resources,
  facts: unknown,
  of = '',
): Promise<Entry | undefined> {
  if (reuse === 'never') return undefined
  const { claimant, attempt, keep } = context
  const before = followed(context, of)
  // A submission that waits for the platform is under way: nobody takes its place.
  const me = subject.as === 'async' ? { ...claimant, urgent: false } : claimant
  const taken = await ledger.take(subject, me, leastLifeMs(minLifeMs, before?.atMs, attempt.nowMs()))
  if (taken.as === 'hit') return taken.entry
  if (taken.as === 'lead') return undefined
  if (!before) await keep(stepOf(attempt, of), facts)
  throw follows(attempt)
}

/** What this job knew of its source when it began to wait for another one's upload, and since when it waits, ms of Redis time. */
export const followed = (
  { steps, attempt }: Pick<JobContext, 'steps' | 'attempt'>,
  of = '',
): Step | undefined => steps.get(stepOf(attempt, of))

/** Of this asking only: whoever asks again may have changed the source. */
const stepOf = ({ openedAtMs }: AttemptState, of: string): string => `followed:${openedAtMs}:${of}`

/** The platform tells whole seconds, and its clock may differ a little, ms. */
const toleranceMs = 10_000

/**
 * Who has waited for another job's upload takes what that one has brought: no media_id could have more life left by then,
 * and each of those who wait would upload once more.
 */
export const leastLifeMs = (minLifeMs: number, followsSinceMs: number | undefined, nowMs: number): number =>
  followsSinceMs === undefined
    ? minLifeMs
    : Math.max(0, Math.min(minLifeMs, mediaLifeMs - (nowMs - followsSinceMs) - toleranceMs))

/** A leader that died wakes nobody: somebody else takes its place after this, ms. */
const followMs = 30_000

const follows = ({ remainingMs }: AttemptState): Fault =>
  new Fault('pending', 'another job uploads the same bytes: its result will be this one’s', {
    // One more look just before the deadline.
    waitMs: Math.max(0, Math.min(followMs, remainingMs() - 1_000)),
  })

/** Runs the upload that this job leads. When it ends the job, those who wait for it are to go on without it, now. */
export async function leading<T>(
  subject: Subject,
  { claimant, wake }: JobContext,
  { ledger }: Resources,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // A job that waits for its grant goes on leading: those behind it would have to wait for the same. A closed app may
    // open any moment, and whoever comes then is to go on.
    const isClosed = error instanceof Fault && error.kind === 'unavailable'
    if (isFinal(error) || isClosed) wake(await ledger.release(subject, claimant).catch(() => []))
    throw error
  }
}

/** Lower-case hex. Faults: those of the source. */
export async function hashOf(source: Source, signal: AbortSignal): Promise<string> {
  const whole = await source.whole?.()
  if (whole) return sha256Of(whole)
  const hash = sha256()
  for await (const chunk of source.pieces?.(signal) ?? (await source.open(signal)))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}
