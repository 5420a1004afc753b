/** How a processor ends, and the one outcome of every kind of fault. Pure: times and tries come in as arguments. */

import { Fault, type Kind } from '../fault.ts'
import type { KeptWrite, LedgerWrite } from '../record/index.ts'

export type Outcome<R> =
  /** `write`: what the ledger keeps of it. `kept`: under which name it is kept alive. */
  | { readonly as: 'done'; readonly result: R; readonly write?: LedgerWrite; readonly kept?: KeptWrite }
  /** Later; costs no attempt. Capped by the job's deadline. */
  | { readonly as: 'wait'; readonly ms: number; readonly why: Fault }
  /** Never again. */
  | { readonly as: 'stop'; readonly why: Fault }
  /** An attempt is spent; BullMQ tries again after `delayAfter`. */
  | { readonly as: 'retry'; readonly why: Fault }

export const done = <R>(result: R, write?: LedgerWrite, kept?: KeptWrite): Outcome<R> => ({
  ...{ as: 'done', result, ...(write && { write }), ...(kept && { kept }) },
})
export const stop = (why: Fault): Outcome<never> => ({ as: 'stop', why })
export const wait = (ms: number, why: Fault): Outcome<never> => ({ as: 'wait', ms, why })

/** Thrown to end a job whatever follows from the kind. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly why: Fault

  constructor(why: Fault) {
    super(why.message)
    this.why = why
  }
}

/** Kind -> what follows; for waits, how long when the fault does not say, ms. */
const table = {
  limit: { as: 'wait', ms: 60_000 },
  quota: { as: 'wait', ms: 3_600_000 },
  busy: { as: 'wait', ms: 5_000 },
  unavailable: { as: 'wait', ms: 60_000 },
  // Somebody else is at work: the platform on an asynchronous upload.
  pending: { as: 'wait', ms: 5_000 },
  transient: { as: 'retry' },
  // media/upload may be repeated: the extra media_id dies in three days (DESIGN §5).
  unknown: { as: 'retry' },
  token: { as: 'retry' },
  gone: { as: 'stop' },
  rejected: { as: 'stop' },
  invalid: { as: 'stop' },
  'too-big': { as: 'stop' },
  'wrong-type': { as: 'stop' },
  'forbidden-address': { as: 'stop' },
  'not-found': { as: 'stop' },
  conflict: { as: 'stop' },
  config: { as: 'stop' },
  cancelled: { as: 'stop' },
  expired: { as: 'stop' },
  'worker-died': { as: 'stop' },
} as const satisfies Record<Kind, { as: 'wait'; ms: number } | { as: 'retry' | 'stop' }>

/** The platform asks for at most three tries of a busy answer. Source: global error codes, -1 (path 90313). */
const busyTriesMax = 3

/** What is known about the job when it ends. */
export interface Ending {
  /** Busy answers so far, over all attempts. */
  readonly busyTries: number
  /** Until the job's deadline, ms. */
  readonly remainingMs: number
  /** Whether BullMQ has no attempt left after this one. */
  readonly isLastAttempt: boolean
}

/** The outcome of a fault, and of anything else that was thrown. */
export function outcomeOf(
  thrown: unknown,
  { busyTries, remainingMs, isLastAttempt }: Ending,
): Outcome<never> {
  if (thrown instanceof Stopped) return stop(thrown.why)
  const why = asFault(thrown)
  const row = table[why.kind]
  if (row.as === 'stop') return stop(why)
  if (row.as === 'retry') return isLastAttempt ? stop(why) : { as: 'retry', why }
  if (why.kind === 'busy' && busyTries >= busyTriesMax) return stop(why)
  const ms = Math.max(0, why.waitMs ?? row.ms)
  return ms < remainingMs ? { as: 'wait', ms, why } : stop(tooLate(why, ms))
}

/** Whether this ends the job, whatever attempts and time are left. */
export const isFinal = (thrown: unknown): boolean =>
  thrown instanceof Stopped || table[asFault(thrown).kind].as === 'stop'

const tooLate = (why: Fault, ms: number): Fault =>
  new Fault(
    'expired',
    `the deadline comes before the job could go on (in ${Math.ceil(ms / 1000)} s): ${why.message}`,
    {
      cause: why,
      ...(why.errcode !== undefined && { errcode: why.errcode }),
    },
  )

/** An error that is no fault of ours is a defect or the system's; another attempt may find it gone. */
const asFault = (thrown: unknown): Fault =>
  thrown instanceof Fault
    ? thrown
    : new Fault('transient', `unexpected: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
        cause: thrown,
      })

const backoffBaseMs = 1_000
const backoffCapMs = 60_000

/**
 * Delay before the attempt after the `attemptsMade`-th, ms: what the fault asks for, else exponential from 1 s to
 * 60 s with full jitter, so that jobs that failed together do not come back together.
 */
export const delayAfter = (attemptsMade: number, thrown: unknown, random: () => number): number => {
  const asked = thrown instanceof Fault ? thrown.waitMs : undefined
  return asked ?? Math.round(random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** (attemptsMade - 1)))
}
