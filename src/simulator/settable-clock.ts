/** The simulator's own time: real time plus an offset, or frozen. Lifetimes follow it; connections and stalls do not. */

import type { Clock } from '../clock.ts'

export interface ClockReading {
  readonly nowMs: number
  readonly frozen: boolean
}

export interface ClockChange {
  readonly advanceMs?: number | undefined
  /** Milliseconds since 1970; applied before `advanceMs`. */
  readonly nowMs?: number | undefined
  readonly frozen?: boolean | undefined
}

export class SettableClock {
  readonly #real: Pick<Clock, 'nowMs'>
  readonly #start: { readonly startMs: number | undefined; readonly frozen: boolean }
  #offsetMs = 0
  #frozenAtMs: number | undefined

  constructor(real: Pick<Clock, 'nowMs'>, startMs: number | undefined, frozen: boolean) {
    this.#real = real
    this.#start = { startMs, frozen }
    this.reset()
  }

  nowMs(): number {
    return this.#frozenAtMs ?? this.#real.nowMs() + this.#offsetMs
  }

  reading(): ClockReading {
    return { nowMs: this.nowMs(), frozen: this.#frozenAtMs !== undefined }
  }

  change({ advanceMs, nowMs, frozen }: ClockChange): ClockReading {
    // Frozen first: a running clock would show a millisecond more than it was set to.
    if (frozen === true) this.freeze()
    if (nowMs !== undefined) this.set(nowMs)
    if (advanceMs !== undefined) this.advance(advanceMs)
    if (frozen === false) this.run()
    return this.reading()
  }

  advance(ms: number): void {
    this.set(this.nowMs() + ms)
  }

  /** Shows `ms` since 1970 from now on; stays frozen or running as it was. */
  set(ms: number): void {
    if (this.#frozenAtMs === undefined) this.#offsetMs = ms - this.#real.nowMs()
    else this.#frozenAtMs = ms
  }

  freeze(): void {
    this.#frozenAtMs = this.nowMs()
  }

  run(): void {
    if (this.#frozenAtMs === undefined) return
    this.#offsetMs = this.#frozenAtMs - this.#real.nowMs()
    this.#frozenAtMs = undefined
  }

  /** Back to how it was built. */
  reset(): void {
    this.#frozenAtMs = undefined
    this.#offsetMs = 0
    if (this.#start.frozen) this.freeze()
    if (this.#start.startMs !== undefined) this.set(this.#start.startMs)
  }
}
