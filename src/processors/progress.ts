/** How far a job is, told at most once a second: progress must not cost more than the work. */

import type { Clock } from '../clock.ts'
import type { Progress } from './context.ts'

const everyMs = 1_000

/** What could not be written is left out; the next one comes soon. */
export function sparingly(
  write: (progress: Progress) => Promise<unknown>,
  clock: Clock,
): (progress: Progress) => void {
  let lastMs = Number.NEGATIVE_INFINITY
  return progress => {
    if (clock.monotonicMs() - lastMs < everyMs) return
    lastMs = clock.monotonicMs()
    write(progress).catch(() => undefined)
  }
}
