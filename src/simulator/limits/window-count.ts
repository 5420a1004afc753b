/** How many calls the window at hand holds: one that is cut out of time, or one that ends at the moment asked for. */

export interface WindowCount {
  at(nowMs: number): number
  add(nowMs: number): void
  /** Takes back one call that was added at this time; nothing happens when its window is over. */
  takeBack(addedMs: number): void
}

export class FixedWindow implements WindowCount {
  readonly #startOf: (ms: number) => number
  #startMs = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(startOf: (ms: number) => number) {
    this.#startOf = startOf
  }

  at(nowMs: number): number {
    return this.#startOf(nowMs) === this.#startMs ? this.#count : 0
  }

  add(nowMs: number): void {
    this.#count = this.at(nowMs) + 1
    this.#startMs = this.#startOf(nowMs)
  }

  takeBack(addedMs: number): void {
    if (this.#startOf(addedMs) === this.#startMs) this.#count -= 1
  }
}

/** A call counts until exactly `windowMs` after it. */
export class SlidingWindow implements WindowCount {
  readonly #windowMs: number
  #timesMs: number[] = []
  /** Where the living times begin: the dead ones are cut off now and then, not one by one. */
  #first = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  at(nowMs: number): number {
    while ((this.#timesMs[this.#first] ?? Number.POSITIVE_INFINITY) <= nowMs - this.#windowMs)
      this.#first += 1
    if (this.#first > 1000 && this.#first * 2 > this.#timesMs.length) {
      this.#timesMs = this.#timesMs.slice(this.#first)
      this.#first = 0
    }
    return this.#timesMs.length - this.#first
  }

  add(nowMs: number): void {
    this.#timesMs.push(nowMs)
  }

  takeBack(addedMs: number): void {
    const at = this.#timesMs.lastIndexOf(addedMs)
    if (at >= this.#first) this.#timesMs.splice(at, 1)
  }
}
