/**
 * How fast calls arrived: the largest sliding window, and the whole windows after the first. Pure arithmetic over
 * arrival times in rising order. A window holds its beginning and not its end: two calls exactly `windowMs` apart
 * are never in the same one.
 */

/** The largest number of times in any window of this length, and the place of its first one; 0 for no times. */
export function peakOf(timesMs: Float64Array, windowMs: number): { count: number; first: number } {
  let peak = { count: 0, first: 0 }
  let first = 0
  for (const [last, timeMs] of timesMs.entries()) {
    while (timeMs - (timesMs[first] ?? timeMs) >= windowMs) first += 1
    if (last - first + 1 > peak.count) peak = { count: last - first + 1, first }
  }
  return peak
}

/** Counts per whole window: the first begins with the first time, the last ends at `untilMs` at the latest. */
export function wholeWindows(timesMs: Float64Array, windowMs: number, untilMs: number): number[] {
  const [firstMs] = timesMs
  if (firstMs === undefined) return []
  const counts = new Array<number>(Math.max(0, Math.floor((untilMs - firstMs) / windowMs))).fill(0)
  for (const timeMs of timesMs) {
    const window = Math.floor((timeMs - firstMs) / windowMs)
    if (window >= counts.length) break
    counts[window] = (counts[window] ?? 0) + 1
  }
  return counts
}

export interface AfterFirst {
  /** How many windows: whole ones after the first, since that one may hold a burst of the start. */
  readonly windows: number
  readonly calls: number
  readonly min: number
  readonly max: number
  /** Calls per window as a part of `allowance`; absent without one, or without a window. */
  readonly used?: number
}

export function afterFirst(windows: readonly number[], allowance: number | undefined): AfterFirst {
  const counted = windows.slice(1)
  if (counted.length === 0) return { windows: 0, calls: 0, min: 0, max: 0 }
  const calls = counted.reduce((sum, count) => sum + count, 0)
  const sums = { windows: counted.length, calls, min: Math.min(...counted), max: Math.max(...counted) }
  return allowance === undefined ? sums : { ...sums, used: calls / (allowance * counted.length) }
}
