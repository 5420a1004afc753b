/** A memory that forgets: what the stores of one process keep, by the monotonic clock. */

import type { Clock } from '../clock.ts'

/** A map whose entries end by themselves. */
export function expiring<V>(clock: Clock) {
  const entries = new Map<string, { value: V; endsMs: number }>()
  return {
    get(key: string): { value: V; leftMs: number } | undefined {
      const entry = entries.get(key)
      const leftMs = (entry?.endsMs ?? 0) - clock.monotonicMs()
      if (entry && leftMs > 0) return { value: entry.value, leftMs }
      entries.delete(key)
      return undefined
    },
    set: (key: string, value: V, lifeMs: number) =>
      void entries.set(key, { value, endsMs: clock.monotonicMs() + lifeMs }),
    remove: (key: string) => entries.delete(key),
  }
}
