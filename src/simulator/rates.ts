/** What the log says about arrivals: questions with a filter, answered without copying the calls. */

import { type AfterFirst, afterFirst, peakOf, wholeWindows } from './arrivals.ts'
import { BadInput, type Input } from './control/input.ts'
import { type CallEntry, type CallFilter, type CallLog, readFilter } from './log.ts'

export interface PeakQuestion extends CallFilter {
  readonly windowMs: number
  /** Counted by real time, or by the simulator's clock (for days that a test lets pass). Default 'real'. */
  readonly by?: 'real' | 'simulator' | undefined
}

export interface Peak {
  readonly windowMs: number
  /** All calls that match. */
  readonly calls: number
  /** The largest number of them in any window of this length, wherever it begins. */
  readonly count: number
  /** Arrival of the first call in the first such window, milliseconds since 1970 by the clock that was asked for. */
  readonly fromMs?: number
}

export interface RateQuestion extends PeakQuestion {
  /** What would be 100 % of one window. */
  readonly allowance?: number | undefined
  /** A window that ends by then is whole (milliseconds since 1970, same clock). Default: the last arrival. */
  readonly untilMs?: number | undefined
}

export interface Rate {
  readonly windowMs: number
  readonly calls: number
  /** Absent without calls. */
  readonly firstMs?: number
  readonly lastMs?: number
  /** The largest number of calls in any window of this length, wherever it begins. */
  readonly peak: number
  /** Calls in each whole window; the first begins with the first call. */
  readonly windows: readonly number[]
  readonly afterFirst: AfterFirst
}

const mostWindows = 100_000

/** The question of a control request. */
export function readPeakQuestion(input: Input): PeakQuestion {
  return {
    ...readFilter(input),
    windowMs: input.integer('windowMs', 1),
    by: input.choiceIfAny('by', ['real', 'simulator']),
  }
}

export function readRateQuestion(input: Input): RateQuestion {
  return {
    ...readPeakQuestion(input),
    allowance: input.integerIfAny('allowance', 1),
    untilMs: input.integerIfAny('untilMs', 0),
  }
}

export function peak(log: CallLog, { windowMs, by = 'real', ...filter }: PeakQuestion): Peak {
  const { calls, timesMs } = arrivals(log, filter, by)
  const { count, first } = peakOf(timesMs, windowMs)
  const from = calls[first]
  return { windowMs, calls: calls.length, count, ...(from && { fromMs: shownMs(from, by) }) }
}

/** Throws `BadInput` for windows so short that there would be more than 100,000. */
export function rate(
  log: CallLog,
  { windowMs, by = 'real', allowance, untilMs, ...filter }: RateQuestion,
): Rate {
  const { calls, timesMs } = arrivals(log, filter, by)
  const [first, last] = [calls[0], calls.at(-1)]
  if (!first || !last) {
    return { windowMs, calls: 0, peak: 0, windows: [], afterFirst: afterFirst([], allowance) }
  }
  const [firstMs, lastMs] = [shownMs(first, by), shownMs(last, by)]
  const runMs = untilMs === undefined ? countedMs(last, by) - countedMs(first, by) : untilMs - firstMs
  if (runMs / windowMs > mostWindows) throw new BadInput(`a rate: more than ${mostWindows} windows`)
  const windows = wholeWindows(timesMs, windowMs, countedMs(first, by) + runMs)
  return {
    windowMs,
    calls: calls.length,
    firstMs,
    lastMs,
    peak: peakOf(timesMs, windowMs).count,
    windows,
    afterFirst: afterFirst(windows, allowance),
  }
}

type By = 'real' | 'simulator'

/** Real time is counted by the clock that is never set and knows parts of a millisecond. */
const countedMs = (call: CallEntry, by: By): number => (by === 'real' ? call.monotonicMs : call.simulatorAtMs)
const shownMs = (call: CallEntry, by: By): number => (by === 'real' ? call.atMs : call.simulatorAtMs)

function arrivals(log: CallLog, filter: CallFilter, by: By): { calls: CallEntry[]; timesMs: Float64Array } {
  const calls = log.matching(filter)
  // Only a clock that somebody sets can go back.
  if (by === 'simulator') calls.sort((a, b) => a.simulatorAtMs - b.simulatorAtMs)
  return { calls, timesMs: Float64Array.from(calls, call => countedMs(call, by)) }
}
