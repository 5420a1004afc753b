/** The layer that asks for permission; one grant is one call, so a repeat asks again. */

import { Fault } from '../fault.ts'
import type { Body, Layer, Request } from './call.ts'
import type { Gate, GateCall, Grant } from './seams.ts'
import { assertYoung } from './sent.ts'

/** Longest wait inside the gate when the caller names none: short enough to hold a slot for. */
const defaultPatienceMs = 250

export const withGate =
  (gate: Gate, corp: string): Layer =>
  inner =>
  async request => {
    const grant = await gate.pass(callOf(request, corp))
    const { body } = request
    try {
      const answer = await inner({ ...request, grant, ...(body && { body: young(body, grant) }) })
      // The call is under way until its last byte is here.
      return { ...answer, ended: answer.ended.then(fault => told(grant, fault)) }
    } catch (error) {
      throw await told(grant, error)
    }
  }

function callOf(
  { method, signal, patienceMs = defaultPatienceMs, mark, ...rest }: Request<unknown>,
  corp: string,
): GateCall {
  const { keepsBookings = false, urgent = false, booking, retried = false } = rest
  // A booking is good for one call.
  return {
    corp,
    method,
    patienceMs,
    keepsBookings,
    urgent,
    ...(!retried && { booking }),
    ...(signal && { signal }),
    ...(mark?.along && { along: mark.along }),
  }
}

/** The gate learns what the platform said before anybody else asks it; of a call that went well nobody waits for it. */
async function told<T>(grant: Grant, end: T): Promise<T> {
  if (end instanceof Fault) await grant.done?.(end)
  else void grant.done?.()
  return end
}

/** Between the grant and the first byte lies the opening of the body, which may be slow: look once more. */
const young = (body: Body, grant: Grant): Body => ({
  ...body,
  async open(signal) {
    const open = await body.open(signal)
    try {
      assertYoung(grant)
    } catch (error) {
      open.close()
      throw error
    }
    return open
  },
})
