/** When to give up on a server: no connection, no answer, silence, a drip, or too long in all. A drip passes every timeout that counts gaps only. */

import type { Clock } from '../clock.ts'

export interface WebTimeouts {
  /** Until a connection stands, ms. Default 10 000. */
  readonly connectMs: number
  /** From there to the answer's head, ms. Default 30 000. */
  readonly headMs: number
  /** Longest silence inside a body, ms. Default 30 000. */
  readonly noProgressMs: number
  /** Slowest body that is waited for, bytes per second, over `speedWindowMs`. Default 1 024, as curl's manual suggests. */
  readonly minBytesPerSecond: number
  /** Default 30 000 ms. */
  readonly speedWindowMs: number
  /** All of it, with resumes, ms. Default one hour. */
  readonly totalMs: number
  /** The pause before each resume, ms; their number is that of resumes. Default 250, 1 000, 4 000. */
  readonly resumeGapsMs: readonly number[]
}

export const defaultWebTimeouts: WebTimeouts = {
  connectMs: 10_000,
  headMs: 30_000,
  noProgressMs: 30_000,
  minBytesPerSecond: 1_024,
  speedWindowMs: 30_000,
  totalMs: 3_600_000,
  resumeGapsMs: [250, 1_000, 4_000],
}

/** Why a watch ended the work; its message ends up in a Fault. */
export class Overdue extends Error {
  override readonly name = 'Overdue'
}

export interface Watch {
  /** Aborts when the caller's signal does, or when something is overdue. */
  readonly signal: AbortSignal
  /** From now on an answer is waited for, a body, or (in a pause) nothing. */
  expect(what: 'head' | 'body' | 'nothing'): void
  /** That many bytes came. */
  alive(bytes: number): void
  stop(): void
}

interface Pulse {
  bytes: number
  lastMs: number
}

/** Ends with what is overdue, or by its signal. */
type Vigil = (clock: Clock, signal: AbortSignal, pulse: Pulse) => Promise<string>

const within =
  (ms: number, what: string): Vigil =>
  async (clock, signal) => {
    await clock.sleep(ms, signal)
    return `${what} after ${ms} ms`
  }

const silence =
  (ms: number): Vigil =>
  async (clock, signal, pulse) => {
    for (let leftMs = ms; leftMs > 0; leftMs = pulse.lastMs + ms - clock.monotonicMs())
      await clock.sleep(leftMs, signal)
    return `not a byte for ${ms} ms`
  }

const drip =
  ({ minBytesPerSecond, speedWindowMs }: WebTimeouts): Vigil =>
  async (clock, signal, pulse) => {
    for (let before = -Infinity; (pulse.bytes - before) * 1_000 >= minBytesPerSecond * speedWindowMs; ) {
      before = pulse.bytes
      await clock.sleep(speedWindowMs, signal)
    }
    return `slower than ${minBytesPerSecond} bytes a second for ${speedWindowMs} ms`
  }

/** To be stopped, or its timers outlive the work. */
export const startWatch = (clock: Clock, timeouts: WebTimeouts, caller: AbortSignal): Watch => {
  const { connectMs, headMs, noProgressMs, totalMs } = timeouts
  const phases = {
    head: [within(connectMs + headMs, 'no answer')],
    body: [silence(noProgressMs), drip(timeouts)],
    nothing: [],
  }
  const over = new AbortController()
  const stopped = new AbortController()
  const pulse = { bytes: 0, lastMs: clock.monotonicMs() }
  let phase = new AbortController()
  const keep = (vigil: Vigil, { signal }: AbortController): void =>
    void vigil(clock, signal, pulse).then(
      what => over.abort(new Overdue(what)),
      () => {},
    )
  const follow = (): void => over.abort(caller.reason)
  if (caller.aborted) follow()
  caller.addEventListener('abort', follow, { once: true })
  keep(within(totalMs, 'not done'), stopped)
  return {
    signal: over.signal,
    expect(what) {
      phase.abort()
      phase = new AbortController()
      pulse.lastMs = clock.monotonicMs()
      for (const vigil of phases[what]) keep(vigil, phase)
    },
    alive(bytes) {
      pulse.bytes += bytes
      pulse.lastMs = clock.monotonicMs()
    },
    stop() {
      stopped.abort()
      phase.abort()
      caller.removeEventListener('abort', follow)
    },
  }
}
