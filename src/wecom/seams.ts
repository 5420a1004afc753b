/** What the client lets others decide: when a call may go, how many go at once, and where a call is written down. */

import type { Fault } from '../fault.ts'
import type { MethodName } from './methods.ts'

/** Permission to send one call. */
export interface Grant {
  /** The time it was given for, milliseconds of Redis time; absent when the gate keeps no time. */
  readonly atMs?: number
  /** How long after that time the call may still leave, milliseconds. */
  readonly lifeMs?: number
  /** The call's mark was left by the step that granted it. */
  readonly isMarked?: boolean
  /** How old the grant is at most, milliseconds, by clocks that nobody sets. */
  ageMs?(): number
  /** The call has ended, with this fault or well. Never rejects. */
  done?(fault?: Fault): Promise<void>
}

export interface GateCall {
  readonly corp: string
  readonly method: MethodName
  /** How long the gate may wait in process; a longer wait is thrown as `limit` with its `waitMs`. */
  readonly patienceMs: number
  readonly signal?: AbortSignal
  /** The caller keeps the `booking` of a `limit` fault and shows it at its next call. Default false. */
  readonly keepsBookings?: boolean
  /** From the last `limit` fault. */
  readonly booking?: unknown
  /** Ahead of those in line. Default false. */
  readonly urgent?: boolean
  /** For a gate over the same Redis: then the grant is `isMarked`. */
  readonly along?: MarkAlong
}

/** Where the platform's limits are kept. */
export interface Gate {
  pass(call: GateCall): Promise<Grant>
}

/** One slot per connection. Resolves with an idempotent release; a download's slot is held until its body ended. */
export interface Slots {
  acquire(signal?: AbortSignal): Promise<() => void>
}

/** The port to a job's record. */
export interface Mark {
  /** Writes down that this attempt is about to speak: the last step before the first byte; throws to refuse. */
  sent(grant: Grant): Promise<void>
  /** The platform surely did not perform the call: takes the mark away. If this fails, the mark stays. */
  refused(fault: Fault): Promise<void>
  /** `sent` as a part of a gate's script, so that both are one way to Redis. */
  readonly along?: MarkAlong
}

/** A mark that the gate's script leaves when it says go. */
export interface MarkAlong {
  /** Defines `mayMark(key, arg)`, which answers '' or why not, and `mark(key, arg)`, by the places of the first of `keys` and `args`. */
  readonly lua: string
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
  /** What came of it: `go`, or the word for why not; throws to refuse. */
  heard(word: string): void
}
