/** How old a callback may be. Both its times are checked: the signed one outside and the encrypted one inside. */

import { Refused } from './refused.ts'

/** How far a callback's time may lie from ours, in either direction. Ours: the platform repeats within seconds. */
export const freshMs = 10 * 60_000

/** 10 digits of seconds; some senders write 13 of milliseconds. Source: facts §8.2. */
export function timeMs(digits: string | undefined): number {
  if (digits === undefined || !/^\d{10}(\d{3})?$/.test(digits)) throw new Refused('malformed')
  return digits.length === 10 ? Number(digits) * 1000 : Number(digits)
}

export function checkFresh(atMs: number, nowMs: number): void {
  if (Math.abs(nowMs - atMs) > freshMs) throw new Refused('stale')
}
