/** The gate that always says go, for callers without limits; `src/limits` replaces it. */

import type { Gate } from './seams.ts'

export const openGate: Gate = {
  async pass({ signal }) {
    signal?.throwIfAborted()
    return {}
  },
}
