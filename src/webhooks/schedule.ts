/** When a delivery that failed is tried again: soon at first, then ever more rarely, for about a day. Pure. */

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** Before each further attempt, ms: 22 hours in all, one gap less than `media.notify` has attempts. */
export const gapsMs = [
  ...[5 * second, 30 * second, 2 * minute, 5 * minute, 15 * minute, 30 * minute],
  ...[hour, 2 * hour, 4 * hour, 6 * hour, 8 * hour],
] as const

/** The gap varies by so much, so that what failed together does not come back together. */
const jitter = 0.2

/** The gap after `attemptsMade` failed attempts and this one, ms; longer when the receiver asks for it. */
export function gapAfter(attemptsMade: number, askedMs: number, random: () => number): number {
  const gapMs = gapsMs[Math.min(attemptsMade, gapsMs.length - 1)] ?? 8 * hour
  return Math.max(askedMs, Math.round(gapMs * (1 - jitter + 2 * jitter * random())))
}
