/** The layer that asks for permission; one grant is one call, so a repeat asks again. */

import type { Layer } from './call.ts'
import type { Gate } from './seams.ts'

/** Longest wait inside the gate when the caller names none: short enough to hold a slot for. */
const defaultPatienceMs = 250

export const withGate =
  (gate: Gate, corp: string): Layer =>
  inner =>
  async request => {
    const { method, signal, patienceMs = defaultPatienceMs } = request
    const grant = await gate.pass({ corp, method, patienceMs, ...(signal && { signal }) })
    return inner({ ...request, grant })
  }
