/** Natural days and months of Asia/Shanghai, where the platform lives: eight hours ahead of UTC, no summer time. */

const aheadMs = 8 * 3_600_000
const dayMs = 24 * 3_600_000

export const dayStartMs = (ms: number): number => Math.floor((ms + aheadMs) / dayMs) * dayMs - aheadMs

export const dayEndMs = (ms: number): number => dayStartMs(ms) + dayMs

export function monthStartMs(ms: number): number {
  const there = new Date(ms + aheadMs)
  return Date.UTC(there.getUTCFullYear(), there.getUTCMonth(), 1) - aheadMs
}

/** Both the lock-out of a month and a sliding one: "30 days, not a calendar month" (p/90454). */
export const thirtyDaysMs = 30 * dayMs
