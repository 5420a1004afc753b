/**
 * A call that costs a unit of the company's quota, which is gone for a day or a month: the unit is reserved before the
 * call, used again as long as it was never sent, kept when nobody knows.
 */

import { Fault } from '../fault.ts'
import type { CallOptions, Mark } from '../wecom/index.ts'
import type { JobContext, Resources } from './context.ts'
import { Stopped } from './outcome.ts'

type Writing = CallOptions & { readonly mark: Mark }

interface Quotaed {
  readonly app: string
  readonly onUnknown: 'retry' | 'hold'
}

/** Runs `call` with options that reserve its unit. Faults: `quota`, those of the call. Throws `held` where it applies. */
export async function withUnit<R>(
  { app, onUnknown }: Quotaed,
  context: JobContext,
  { units }: Resources,
  writing: Writing,
  call: (writing: Writing) => Promise<R>,
): Promise<R> {
  const { id, attempt } = context
  const signal = untilAnswered(context)
  // Each call that may have been counted has its own unit, and the next call another.
  const unit = (): string => `${id}:${attempt.units}`
  // Before the gate, so that no grant is spent on a call that can't leave; and once more for a repeat in process.
  await units.reserve(app, unit())
  const { mark } = writing
  const sent: typeof mark.sent = async grant => {
    await units.reserve(app, unit())
    await mark.sent(grant)
  }
  try {
    return await call({ ...writing, signal, mark: { sent, refused: fault => mark.refused(fault) } })
  } catch (error) {
    // A unit that leaks is the safe side; the caller needs the first fault.
    if (!attempt.isSpeaking) await units.giveBack(app, unit()).catch(() => undefined)
    if (onUnknown === 'hold' && error instanceof Fault && error.kind === 'unknown') throw held(error)
    throw error
  }
}

/**
 * Aborts with the job, but for a call that has left: it costs its unit whether somebody waits for the answer or not, and
 * the ledger wants to have it. A shutdown and a lost lease are no such matter, another attempt sends it again.
 */
function untilAnswered({ signal, attempt }: Pick<JobContext, 'signal' | 'attempt'>): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => {
    const { reason } = signal
    const isOver = reason instanceof Fault && (reason.kind === 'cancelled' || reason.kind === 'expired')
    if (!isOver || !attempt.isSpeaking) controller.abort(reason)
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}

/** Ends the job: nobody knows whether the platform took the image, and a second unit is not to be spent. */
export const held = (cause?: Fault): Stopped =>
  new Stopped(
    new Fault(
      'unknown',
      'nobody knows whether the platform took the image: look for it there, then ask for the job again if it did not (onUnknown: hold)',
      { cause },
    ),
  )
