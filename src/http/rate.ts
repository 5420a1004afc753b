/** How often one token may ask, in this process: a bucket that fills steadily, by monotonic time. */

import { Fault } from '../fault.ts'

/** Throws `limit` with the time until there is room again. */
export type TakeTurn = (name: string) => void

interface Bucket {
  readonly left: number
  readonly atMs: number
}

/** `perSecond` is the burst, too: what a second may bring may come at once. */
export function turns(perSecond: number, nowMs: () => number): TakeTurn {
  const buckets = new Map<string, Bucket>()
  return name => {
    const atMs = nowMs()
    const last = buckets.get(name) ?? { left: perSecond, atMs }
    const left = Math.min(perSecond, last.left + ((atMs - last.atMs) / 1000) * perSecond)
    if (left < 1)
      throw new Fault('limit', `more than ${perSecond} requests a second of this token: ask less often`, {
        waitMs: ((1 - left) / perSecond) * 1000,
      })
    buckets.set(name, { left: left - 1, atMs })
  }
}
