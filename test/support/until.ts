/** Waits for something that another process or socket does. Only for what has no event and no settable clock. */

import { setTimeout as delay } from 'node:timers/promises'

export interface Patience {
  /** Default 10 seconds: a deadline for a broken test, not an expectation. */
  readonly withinMs?: number
  /** Default 10. */
  readonly everyMs?: number
}

/** Resolves with the first truthy answer of `look`; rejects, naming `what`, when there is none in time. */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 10_000, everyMs = 10 }: Patience = {},
): Promise<NonNullable<T>> => {
  const endMs = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`)
    await delay(everyMs)
  }
}
