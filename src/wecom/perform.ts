/** One call, from a binding's point of view: its value or a Fault. */

import type { Call, Request } from './call.ts'
import { cancelled } from './errors.ts'

/** The call's value. A wait that the caller's signal ended in some layer becomes a fault here. */
export async function perform<T>(call: Call, request: Request<T>): Promise<T> {
  try {
    return (await call(request)).value
  } catch (error) {
    const { method, signal } = request
    if (signal?.aborted && error === signal.reason) throw cancelled(method, signal, false)
    throw error
  }
}
