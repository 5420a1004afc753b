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
  { id, attempt }: JobContext,
  { units }: Resources,
  writing: Writing,
  call: (writing: Writing) => Promise<R>,
): Promise<R> {
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
    return await call({ ...writing, mark: { sent, refused: fault => mark.refused(fault) } })
  } catch (error) {
    // A unit that leaks is the safe side; the caller needs the first fault.
    if (!attempt.isSpeaking) await units.giveBack(app, unit()).catch(() => undefined)
    if (onUnknown === 'hold' && error instanceof Fault && error.kind === 'unknown') throw held(error)
    throw error
  }
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
