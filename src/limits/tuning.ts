/** Every number of the limits that is ours and not the platform's, with its reason. Change them together with the tests. */

export interface Tuning {
  /**
   * How far ahead grants are booked, ms. Whoever is further back sleeps in line without a booking. Short, because an
   * urgent job waits behind all bookings, and a penalty voids them; long enough that most waits cost one wake.
   */
  readonly horizonMs: number
  /** Who sleeps in line wakes this long before its estimated grant, ms: enough for a busy worker to be late by seconds. */
  readonly leadMs: number
  /** A job with a booking is woken this long before it, ms: BullMQ was late by up to 96 ms (notes/bullmq.md §1.7). */
  readonly wakeEarlyMs: number
  /** Life of a lease on a call under way, ms; renewed at a third of it. A killed worker's calls count that long. */
  readonly leaseMs: number
  /** A lease is not renewed for longer than this, ms: nobody ends a call that was forgotten. */
  readonly flightMostMs: number
  /** First length of a penalty, ms. A minute limit blocks for 60 s (document/path/90454). */
  readonly penaltyMs: number
  /** It doubles up to this, ms: an hour limit blocks for 60 min (same page). */
  readonly penaltyMostMs: number
  /** A refusal this soon after a penalty's end doubles the next one, ms. */
  readonly againWithinMs: number
  /** Each penalty makes calls rarer by this factor (1.25: to 80 %) … */
  readonly slowFactor: number
  /** … at most so many times (10: to 11 %) … */
  readonly slowMost: number
  /** … and each such time without a penalty takes one step back, ms. */
  readonly recoverMs: number
  /** A cap on concurrency learned from 45033 grows by one in this time, ms. */
  readonly growEveryMs: number
  /** Calls that wait for a place under a cap ask again so far apart, ms, divided by the cap: bounds all wakes together. */
  readonly crowdSpacingMs: number
  /**
   * How far the clocks of Redis and of the platform may be apart at midnight, ms: a unit this near to it counts on both
   * sides. Costs what is used in the day's last minute; a unit too many would cost the day, or 30 days.
   */
  readonly quotaEdgeMs: number
  /** Idle state is forgotten after this, ms. A forgotten bucket starts empty, which costs at most one spacing. */
  readonly keepMs: number
}

export const defaultTuning: Tuning = {
  horizonMs: 30_000,
  leadMs: 15_000,
  wakeEarlyMs: 150,
  leaseMs: 30_000,
  flightMostMs: 1_800_000,
  penaltyMs: 60_000,
  penaltyMostMs: 3_600_000,
  againWithinMs: 600_000,
  slowFactor: 1.25,
  slowMost: 10,
  recoverMs: 3_600_000,
  growEveryMs: 30_000,
  crowdSpacingMs: 100,
  quotaEdgeMs: 60_000,
  keepMs: 48 * 3_600_000,
}

/** Of D, from a grant's time: by when a booking must be redeemed, and by when the call must leave. The rest is the way. */
export const redeemShare = 0.4
export const leaveShare = 0.6
