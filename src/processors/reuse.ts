/**
 * Nothing is uploaded twice: what the ledger has is the answer, what another job is uploading right now is waited for
 * outside of any slot. Reading the bytes for their hash costs far less than sending them.
 */

import { Fault } from '../fault.ts'
import type { Source } from '../files/file.ts'
import { sha256 } from '../files/fingerprint.ts'
import { defaultMinLifeMs, type Entry, type Subject } from '../ledger/index.ts'
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
 * which wakes this one when it has a result.
 */
export async function known(
  subject: Subject,
  { reuse = 'allow', minLifeMs = defaultMinLifeMs }: Wish,
  { claimant, attempt }: JobContext,
  { ledger }: Resources,
): Promise<Entry | undefined> {
  if (reuse === 'never') return undefined
  // A submission that waits for the platform is under way: nobody takes its place.
  const me = subject.as === 'async' ? { ...claimant, urgent: false } : claimant
  const taken = await ledger.take(subject, me, minLifeMs)
  if (taken.as === 'follow') throw follows(attempt)
  return taken.as === 'hit' ? taken.entry : undefined
}

/** A leader that died wakes nobody: somebody else takes its place after this, ms. Each look costs the reading of the source. */
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
  const hash = sha256()
  for await (const chunk of await source.open(signal)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
