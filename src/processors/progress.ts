/** How far a job is, told at most once a second: progress must not cost more than the work. */

import type { Clock } from '../clock.ts'
import type { Progress } from './context.ts'

const everyMs = 1_000
/** Ours: a smaller file is usually gone before anybody could look, so it is told of only if it is still under way. */
const soonBytes = 1024 * 1024

export interface Telling {
  tell(progress: Progress): void
  /** Nothing is told any more. */
  end(): void
}

/** What could not be written is left out; the next one comes soon. */
export function sparingly(write: (progress: Progress) => Promise<unknown>, clock: Clock): Telling {
  let lastMs = Number.NEGATIVE_INFINITY
  let letGo: (() => void) | undefined
  let newest: Progress
  const tellNow = (): void => {
    lastMs = clock.monotonicMs()
    write(newest).catch(() => undefined)
  }
  return {
    tell(progress) {
      newest = progress
      if (clock.monotonicMs() - lastMs < everyMs) return
      const isTold = lastMs > Number.NEGATIVE_INFINITY
      if (isTold || (progress.totalBytes ?? soonBytes) >= soonBytes) tellNow()
      else letGo ??= clock.after(everyMs, tellNow)
    },
    end: () => letGo?.(),
  }
}
