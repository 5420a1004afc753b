/** A clock that moves when told; sleepers wake when their time has come. */

import type { Clock } from '../../src/clock.ts'

export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>
}

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = 0
  const sleepers = new Set<() => void>()
  return {
    nowMs: () => startMs + now,
    monotonicMs: () => now,
    sleep(ms, signal) {
      const wakeMs = now + ms
      return new Promise((resolve, reject) => {
        const look = () => {
          if (now < wakeMs) return
          sleepers.delete(look)
          resolve()
        }
        sleepers.add(look)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        look()
      })
    },
    after(ms, work) {
      const dueMs = now + ms
      const look = () => {
        if (now < dueMs) return
        sleepers.delete(look)
        work()
      }
      sleepers.add(look)
      return () => sleepers.delete(look)
    },
    async advance(ms) {
      now += ms
      for (const look of sleepers) look()
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}
