/** Every way a job or a call can go wrong, as a closed list. Code reads `kind`; people read `message`. */

/** The closed list. What each kind leads to stands in `processors/outcome.ts`, one outcome per kind. */
export const kinds = [
  'limit',
  'quota',
  'busy',
  'unavailable',
  'pending',
  'transient',
  'unknown',
  'token',
  'gone',
  'rejected',
  'invalid',
  'too-big',
  'wrong-type',
  'forbidden-address',
  'not-found',
  'conflict',
  'config',
  'cancelled',
  'expired',
  'worker-died',
] as const

export type Kind = (typeof kinds)[number]

export interface FaultFacts {
  /** The platform's errcode, where it answered with one. */
  readonly errcode?: number
  /** How long to wait before asking again makes sense, in milliseconds. */
  readonly waitMs?: number
  /** What the gate gave to show when asking again: plain data, opaque to everybody else. */
  readonly booking?: unknown
  readonly cause?: unknown
}

/** What is stored, sent and printed of a fault: no stack, no cause. */
export interface FaultReport {
  readonly kind: Kind
  readonly message: string
  readonly errcode?: number
}

/** The base of every error that is ours. The message says what is wrong and what to do next. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly kind: Kind
  readonly errcode: number | undefined
  readonly waitMs: number | undefined
  readonly booking: unknown

  constructor(kind: Kind, message: string, facts: FaultFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.kind = kind
    this.errcode = facts.errcode
    this.waitMs = facts.waitMs
    this.booking = facts.booking
  }

  report(): FaultReport {
    const { kind, message, errcode } = this
    return errcode === undefined ? { kind, message } : { kind, message, errcode }
  }
}

/** A fault from its stored report. */
export const faultFrom = ({ kind, message, errcode }: FaultReport): Fault =>
  new Fault(kind, message, errcode === undefined ? {} : { errcode })
