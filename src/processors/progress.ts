/** How far a job is, told at most once a second and never of small files: progress must not cost more than the work. */

import type { Clock } from '../clock.ts'
import type { Progress } from './context.ts'

const everyMs = 1_000
/** Ours: such a file is gone before anybody could look. */
const leastBytes = 1024 * 1024

/** What could not be written is left out; the next one comes soon. */
export function sparingly(
  write: (progress: Progress) => Promise<unknown>,
  clock: Clock,
): (progress: Progress) => void {
  let lastMs = Number.NEGATIVE_INFINITY
  return progress => {
    if ((progress.totalBytes ?? leastBytes) < leastBytes) return
    if (clock.monotonicMs() - lastMs < everyMs) return
    lastMs = clock.monotonicMs()
    write(progress).catch(() => undefined)
  }
}
