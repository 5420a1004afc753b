/**
 * From a rule to the two numbers of its bucket. Pure. What one must not get wrong is the direction of rounding: the
 * spacing only ever up, so that the promise holds to the microsecond.
 *
 * The bucket (GCRA) keeps one number, `tat`: where the next call would stand if all came at their steady pace. A call
 * is granted at a ≥ tat − τ, gets the mark s = max(a, tat), and moves tat to s + T. So for the calls in the order of
 * granting: marks lie at least T apart, and a ≤ s ≤ a + τ. With
 *
 *     T = (W + D) / (N − B)    and    τ = (B − 1) · T
 *
 * take any n arrivals within a half-open W. Each came at most D after its grant, so their grants lie less than W + D
 * apart, and their marks less than W + D + τ. n marks span at least (n − 1) · T, hence
 *
 *     (n − 1) · T < W + D + (B − 1) · T    =>    n < B + (W + D) / T ≤ N.
 *
 * Nothing here needs time to run forward or grants to be used in order, so it holds for bookings too, and for a Redis
 * whose clock stands still. There is one call to spare (n ≤ N − 1): it is spent where a bucket starts without memory.
 * Calls before that have marks ≤ start + τ; with tat = start + τ one mark lies closer than T to them, and so n ≤ N.
 */

/** A rule of the platform as it is kept: at most `amount` calls arrive in any `windowMs`. */
export interface Rate {
  readonly amount: number
  readonly windowMs: number
  /** Calls that may go at once after a rest. Default: half a percent of the amount; of an hour's or a longer one's, a third. */
  readonly burst?: number
  /** Counted per corp, or per address that the platform sees. */
  readonly scope: 'corp' | 'ip'
}

const hourMs = 3_600_000

/*
 * What a burst has, the steady pace lacks: N − B in W. For a minute's rule the pace is what counts: with half a percent
 * 97.9 % of 5,000 a minute can be used, with one percent 97.4 %. For an hour's it is the backlog: with a third, 75,000
 * calls run at the minute's pace (the defaults), then go on at two thirds of the hour's; with half a percent every
 * backlog would crawl at half the minute's pace from its first second.
 */
export const burstOf = ({ amount, windowMs, burst }: Rate): number =>
  burst ?? Math.max(1, Math.round(amount / (windowMs < hourMs ? 200 : 3)))

/** A bucket whose past nobody knows may start empty where that costs next to nothing: one burst. */
export const startsEmpty = (rate: Rate): boolean => burstOf(rate) * 20 <= rate.amount

/** Redis is told of times in whole microseconds. */
export const us = (ms: number): number => Math.round(ms * 1_000)

/** T in whole microseconds. `flightMs` is D: the longest way from a grant to the platform. */
export const spacingUs = (rate: Rate, flightMs: number): number =>
  Math.ceil(((rate.windowMs + flightMs) * 1_000) / (rate.amount - burstOf(rate)))

/** τ in whole microseconds. */
export const toleranceUs = (rate: Rate, flightMs: number): number =>
  (burstOf(rate) - 1) * spacingUs(rate, flightMs)
