/** How long a call may take: a deadline that grows with its size, and a watchdog that wants to see progress. */

export interface Timeouts {
  /** Until a connection stands, in milliseconds; only of our own dispatcher. Default 10 000. */
  readonly connectMs: number
  /** From the last byte sent to the answer's head, in milliseconds. Default 30 000. */
  readonly headMs: number
  /** Longest pause between two chunks in either direction, in milliseconds. Default 30 000. */
  readonly noProgressMs: number
  /** Part of the deadline that does not depend on size, in milliseconds. Default 30 000. */
  readonly baseMs: number
  /** Slowest speed that is waited for, in bytes per second: the deadline is base + size / this. Default 65 536. */
  readonly minBytesPerSecond: number
}

export const defaultTimeouts: Timeouts = {
  connectMs: 10_000,
  headMs: 30_000,
  noProgressMs: 30_000,
  baseMs: 30_000,
  minBytesPerSecond: 64 * 1024,
}

/** The deadline of a transfer of this size, in milliseconds. */
export const totalMs = (sizeBytes: number, { baseMs, minBytesPerSecond }: Timeouts): number =>
  Math.ceil(baseMs + (sizeBytes / minBytesPerSecond) * 1000)

/** Why a watch ended the call; its message ends up in a Fault. */
export class Overdue extends Error {
  override readonly name = 'Overdue'
}

export interface Watch {
  /** Aborts when the caller's signal does, or when something is overdue. */
  readonly signal: AbortSignal
  /** Sets the deadline of the whole, from now on. */
  deadline(ms: number): void
  /** Expects a sign of life within `ms`, and again after each; 0 expects nothing. */
  expect(ms: number, what: string): void
  /** A sign of life. */
  alive(): void
  stop(): void
}

export function startWatch(callers?: AbortSignal): Watch {
  const controller = new AbortController()
  let total: NodeJS.Timeout | undefined
  let pulse: NodeJS.Timeout | undefined
  const overdue = (what: string) => () => controller.abort(new Overdue(what))
  let isOver = false
  const follow = () => controller.abort(callers?.reason)
  if (callers?.aborted) follow()
  callers?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    deadline(ms) {
      clearTimeout(total)
      total = setTimeout(overdue(`not done after ${ms} ms`), ms)
    },
    expect(ms, what) {
      clearTimeout(pulse)
      pulse = ms > 0 && !isOver ? setTimeout(overdue(`${what} for ${ms} ms`), ms) : undefined
    },
    alive: () => void pulse?.refresh(),
    stop() {
      isOver = true
      clearTimeout(total)
      clearTimeout(pulse)
      callers?.removeEventListener('abort', follow)
    },
  }
}
