/** SHA-256 of a file while it arrives in pieces that are trusted only afterwards. */

import { createHash, type Hash } from 'node:crypto'

export const sha256 = (): Hash => createHash('sha256')

/** Goes from byte 0 upwards. A piece is hashed on a branch, and only an adopted branch counts. */
export class RunningHash {
  #hash = sha256()
  #doneBytes = 0

  get doneBytes(): number {
    return this.#doneBytes
  }

  /** For the piece that comes next; nothing for any other, which is read from disk at the end. */
  branch(startBytes: number): Hash | undefined {
    return startBytes === this.#doneBytes ? this.#hash.copy() : undefined
  }

  adopt(branch: Hash | undefined, endBytes: number): void {
    if (branch === undefined) return
    this.#hash = branch
    this.#doneBytes = endBytes
  }

  hex(): string {
    return this.#hash.copy().digest('hex')
  }
}
