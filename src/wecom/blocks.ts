/** The memory of one answer on its way to its reader: two blocks in turn, one filled while the other is read. */

import { createBudget } from '../budget.ts'
import { arrivalBytes } from './connector.ts'

/** What is read of a body at most in one piece, bytes; with half of it a job's downloads were a tenth slower. */
const blockBytes = 1024 * 1024
/** Of all answers that come to this process at once: 64 downloads of 20 MiB take 57 to 61 MiB more than of 1 MiB. */
const budget = createBudget({
  totalBytes: 24 * 1024 * 1024,
  leastBytes: 2 * arrivalBytes,
  mostBytes: blockBytes,
})

/** The largest blocks of answers that were read to their end, for those that come: collecting them would cost more than reading did. */
const idle: Buffer[] = []
/** Four answers' worth, so that they are no burden when nothing is read. */
const idleMost = 8

export class Blocks {
  #filling: Buffer | undefined
  #filledBytes = 0
  #lent: Buffer | undefined
  #spares: Buffer[] = []
  /** Of the budget. */
  #takenBytes = 0

  /** What waits for its reader, bytes. */
  get filledBytes(): number {
    return this.#filledBytes
  }

  /** Copies it; answers the room that is left, bytes. `toComeBytes`: of the answer from here on, this included, as far as is known. */
  add(chunk: Buffer, toComeBytes: number): number {
    const block = this.#room(chunk.length, toComeBytes)
    chunk.copy(block, this.#filledBytes)
    this.#filledBytes += chunk.length
    return block.length - this.#filledBytes
  }

  /** All that waits, in one piece that is good until the next is taken; undefined when nothing does. */
  take(): Buffer | undefined {
    if (this.#lent) this.#spares.push(this.#lent)
    this.#lent = undefined
    if (!this.#filling || this.#filledBytes === 0) return undefined
    const piece = this.#filling.subarray(0, this.#filledBytes)
    this.#lent = this.#filling
    this.#filling = undefined
    this.#filledBytes = 0
    return piece
  }

  /** Nothing more comes, or is read. `isRead`: to the end, so that nobody looks at a block any more. */
  end({ isRead }: { readonly isRead: boolean }): void {
    const whole = isRead ? this.#spares.filter(block => block.length === blockBytes) : []
    idle.push(...whole.slice(0, idleMost - idle.length))
    this.#spares = []
    budget.give(this.#takenBytes)
    this.#takenBytes = 0
  }

  #room(bytes: number, toComeBytes: number): Buffer {
    this.#filling ??= this.#spares.pop() ?? this.#made(toComeBytes)
    if (this.#filling.length - this.#filledBytes >= bytes) return this.#filling
    const larger = Buffer.allocUnsafe(this.#filledBytes + bytes)
    this.#filling.copy(larger, 0, 0, this.#filledBytes)
    this.#filling = larger
    return larger
  }

  /** No larger than what is to come, so that a short answer costs little. */
  #made(toComeBytes: number): Buffer {
    const bytes = budget.take(toComeBytes)
    this.#takenBytes += bytes
    return (bytes === blockBytes && idle.pop()) || Buffer.allocUnsafe(bytes)
  }
}
