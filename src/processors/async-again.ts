/** What follows when the platform has ended a submission without a medium: another one, at its time, or the end of the job. Pure. */

import { Fault, type FaultReport, faultFrom } from '../fault.ts'
import type { Submission } from './async-submission.ts'
import type { AttemptState } from './context.ts'
import { isFinal, type Outcome, stop, wait } from './outcome.ts'

/** Of one request; each costs the platform a download of up to 200 MB. */
const submissionsMax = 3

/**
 * The outcome that the last end asks for; undefined when it is time for another submission, or nothing has ended since
 * the job was asked for. The same answer for whoever asks, in this attempt or after a crash.
 */
export function afterEnd(
  submissions: readonly Submission[],
  { onUnknown }: { readonly onUnknown: 'retry' | 'hold' },
  { openedAtMs, nowMs, remainingMs }: Pick<AttemptState, 'openedAtMs' | 'nowMs' | 'remainingMs'>,
): Outcome<never> | undefined {
  const last = submissions.at(-1)
  // Asked for again since: the caller knows of it.
  if (!last?.end || last.end.atMs < openedAtMs) return undefined
  const { fault, atMs } = last.end
  const ends = submissions.filter(({ end }) => end && end.atMs >= openedAtMs).length
  const holds = onUnknown === 'hold' && last.atMs >= openedAtMs
  const { again, afterMs } = endOf(fault, { computed: last.computed, holds })
  const why = ending(fault)
  if (!again || ends >= submissionsMax) return stop(why)
  const restMs = atMs + afterMs * ends - nowMs()
  if (restMs <= 0) return undefined
  if (restMs >= remainingMs()) return stop(why)
  return wait(restMs, new Fault('pending', `to be submitted again: ${fault.message}`))
}

/** Whether the same file may come through another submission, and after how long, ms. */
export function endOf(
  { kind, errcode }: Pick<FaultReport, 'kind' | 'errcode'>,
  { computed, holds }: { readonly computed: boolean; readonly holds: boolean },
): { readonly again: boolean; readonly afterMs: number } {
  // The platform could not get the file (830003), or had too much to do.
  if (kind === 'transient' || kind === 'busy' || kind === 'limit') return { again: true, afterMs: 10_000 }
  // The jobid is over, and with it what became of the file; an extra media_id dies in three days.
  if (kind === 'gone') return { again: !holds, afterMs: 0 }
  // The file is another one than when we read it.
  if (errcode === md5Mismatch) return { again: computed, afterMs: 10_000 }
  return { again: false, afterMs: 0 }
}

/** document/path/96219. */
const md5Mismatch = 301019

/** A kind that elsewhere means a wait is not told of what has ended: nothing will be asked again. */
const ending = (report: FaultReport): Fault => {
  const fault = faultFrom(report)
  const isEnd = isFinal(fault) || fault.kind === 'transient'
  return isEnd ? fault : faultFrom({ ...report, kind: 'rejected' })
}
