/** What is told of each attempt when it ends. */

import type { Kind } from '../fault.ts'

/** What one attempt came to; for metrics and logs. */
export interface RunReport {
  readonly id: string
  readonly name: string
  /** As the payload has it, if that may be shown. */
  readonly app?: string
  /** It came with bytes of its own, spooled: nobody else needs them once it is done. */
  readonly hasBody: boolean
  readonly outcome:
    | 'done'
    | 'duplicate'
    | 'wait'
    | 'retry'
    | 'failed'
    | 'cancelled'
    | 'handed-back'
    | 'lease-lost'
  readonly kind?: Kind
  readonly errcode?: number
  readonly message?: string
  readonly ms: number
  /** From being queued to the start of the first attempt, ms. */
  readonly waitedMs?: number
  /** From being queued until now, ms. */
  readonly ageMs: number
}
