/** A clock that a test sets: nothing waits, sleepers wake when their time is set to have come. */

import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'

export interface SetClock extends Clock {
  /** Moves the time on and lets everything run that is due, in order. */
  advance(ms: number): Promise<void>
  /** How many sleep now. */
  sleepers(): number
}

export function setClock(startMs = 1_000_000): SetClock {
  let now = startMs
  const sleeping = new Set<{ atMs: number; wake: () => void }>()
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    sleepers: () => sleeping.size,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const sleeper = { atMs: now + ms, wake: () => finish(resolve) }
        const abort = () => finish(() => reject(signal?.reason))
        const finish = (end: () => void) => {
          sleeping.delete(sleeper)
          signal?.removeEventListener('abort', abort)
          end()
        }
        signal?.addEventListener('abort', abort)
        sleeping.add(sleeper)
      }),
    after(ms, work) {
      const sleeper = {
        atMs: now + ms,
        wake: () => {
          sleeping.delete(sleeper)
          work()
        },
      }
      sleeping.add(sleeper)
      return () => sleeping.delete(sleeper)
    },
    async advance(ms) {
      const untilMs = now + ms
      // What is under way may be about to sleep.
      await turn()
      for (;;) {
        const [next] = [...sleeping].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)
        if (!next) break
        now = Math.max(now, next.atMs)
        next.wake()
        await turn()
      }
      now = untilMs
      await turn()
    },
  }
}
