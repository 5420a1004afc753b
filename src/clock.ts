/** The only reader of time. Pure code takes `nowMs` as an argument; code that waits takes a `Clock`. */

import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Wall clock, milliseconds since 1970 (UTC). Not comparable between hosts: limits use Redis time. */
  nowMs(): number
  /** Monotonic milliseconds from an arbitrary start; for durations. */
  monotonicMs(): number
  /** Resolves after `ms`, rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `work` after `ms`, unless what it answers is called before. Costs far less than a sleep that is cut short. */
  after(ms: number, work: () => void): () => void
}

/** The longest delay that a timer can hold, ms (24.8 days); a longer one would fire at once. */
export const timerMaxMs = 2 ** 31 - 1

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    try {
      await delay(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
  after(ms, work) {
    const timer = setTimeout(work, Math.min(ms, timerMaxMs))
    return () => clearTimeout(timer)
  },
}

/** Once what came in with this turn of the event loop is dealt with; before anything that comes later. */
export const atEndOfTurn = (work: () => void): void => void setImmediate(work)

/** Does the work at once and `everyMs` after each end of it, until the signal aborts; what goes wrong is told, and no end. */
export async function keepDoing(
  work: () => Promise<unknown>,
  { clock, everyMs, onError }: { clock: Clock; everyMs: number; onError: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await work().catch(onError)
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}

/** Whether the work ends within `ms`. It is not stopped by that, and no timer outlives it. Rejects as the work does. */
export async function endsWithin(work: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const late = clock.sleep(ms, over.signal).catch(() => undefined)
  return await Promise.race([work.then(() => true), late.then(() => false)]).finally(() => over.abort())
}
