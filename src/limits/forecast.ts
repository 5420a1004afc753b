/** When a quota runs out if the day goes on as it began. Pure. */

/** One rule, as it stands now. */
export interface QuotaUse {
  readonly rule: string
  readonly amount: number
  /** Units since the period began. */
  readonly used: number
  /** What may still be spent; less than the difference while units near the period's edge count on both sides. */
  readonly left: number
  /** Redis time, ms; of the last 30 days: the window's begin, and when its oldest unit leaves. */
  readonly startMs: number
  readonly endsAtMs: number
}

export interface Forecast {
  /** At today's pace. */
  readonly unitsPerDay: number
  /** The rule that runs out first at that pace, before its period ends; absent when none does. */
  readonly runsOut?: { readonly rule: string; readonly atMs: number }
}

const dayMs = 86_400_000

/** The first minutes of a day say little: the pace is taken over an hour at least. */
const leastMs = 3_600_000

export function forecast(now: {
  readonly nowMs: number
  readonly dayStartMs: number
  readonly usedToday: number
  readonly rules: readonly QuotaUse[]
}): Forecast {
  const perMs = now.usedToday / Math.max(leastMs, now.nowMs - now.dayStartMs)
  const ends = now.rules
    .map(({ rule, left, endsAtMs }) => ({
      rule,
      atMs: left === 0 ? now.nowMs : Math.ceil(now.nowMs + left / perMs),
      endsAtMs,
    }))
    .filter(({ atMs, endsAtMs }) => atMs < endsAtMs)
    .toSorted((a, b) => a.atMs - b.atMs)
  const [first] = ends
  return {
    unitsPerDay: perMs * dayMs,
    ...(first && { runsOut: { rule: first.rule, atMs: first.atMs } }),
  }
}
