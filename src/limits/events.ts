/** What the limits tell of themselves, for metrics and logs: a closed list of plain facts. */

import type { VoidReason } from './bucket.ts'
import type { Pair } from './keys.ts'

export type LimitEvent =
  /** A call may leave. `waitedMs`: in process, before it. */
  | (Pair & { readonly as: 'grant'; readonly waitedMs: number; readonly booked: boolean })
  /** A call was put off: the job comes back in `waitMs`. */
  | (Pair & {
      readonly as: 'wait'
      readonly why: 'booked' | 'beyond' | 'shared' | 'crowded'
      readonly waitMs: number
    })
  /** A booking could not be used; `late`: its call did not leave in time. */
  | (Pair & { readonly as: 'void'; readonly why: VoidReason | 'late' })
  /** The platform refused with 45009. `rateShare`: of the configured rate afterwards. */
  | (Pair & {
      readonly as: 'penalty'
      readonly untilMs: number
      readonly lengthMs: number
      readonly rateShare: number
    })
  /** The platform refused with 45033. */
  | (Pair & { readonly as: 'concurrency'; readonly cap: number })
  /** Redis has forgotten everything it knew: closed for a window. */
  | { readonly as: 'memory-lost' }
  /** What the platform told us could not be written down. */
  | (Pair & { readonly as: 'not-recorded'; readonly error: unknown })
  | (Pair & { readonly as: 'unit'; readonly unit: 'reserved' | 'held' | 'given-back' })
  | (Pair & { readonly as: 'quota'; readonly rule: string; readonly earliestAtMs: number })
  | (Pair & { readonly as: 'quota-blocked'; readonly untilMs: number })

export type OnLimitEvent = (event: LimitEvent) => void

/** A listener's bug must not stop a call. */
export const teller =
  (onEvent: OnLimitEvent | undefined): OnLimitEvent =>
  event => {
    try {
      onEvent?.(event)
    } catch {}
  }
