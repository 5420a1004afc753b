/** Redis as a caller of the producer sees it: it answered, or nothing was promised. */

import { Fault } from '../fault.ts'

/** Errors of the connection become one fault; faults pass. */
export async function reachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const message = `Redis did not take the request (${reasonOf(cause)}): ask again, with the same key`
    throw new Fault('unavailable', message, { waitMs: 1_000, cause })
  }
}

/** ioredis tells of its own settings where people want to know that nobody is there. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return /offline|writeable|max retries|closed|timed out/i.test(message) ? 'it does not answer' : message
}
