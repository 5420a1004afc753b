/** One body on its way to disk: counted and hashed whole, stored only up to a cap, so that memory stays small. */

import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'

const headBytes = 16

export class Spool {
  readonly path: string
  readonly #capBytes: number
  readonly #file: FileHandle
  readonly #hash = createHash('sha256')
  #head = Buffer.alloc(0)
  #sizeBytes = 0

  private constructor(path: string, capBytes: number, file: FileHandle) {
    this.path = path
    this.#capBytes = capBytes
    this.#file = file
  }

  static async create(path: string, capBytes: number): Promise<Spool> {
    return new Spool(path, capBytes, await open(path, 'wx'))
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The first 16 bytes, or fewer. */
  get head(): Buffer {
    return this.#head
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#head.length < headBytes) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, headBytes - this.#head.length)])
    }
    this.#hash.update(chunk)
    const isKept = this.#sizeBytes <= this.#capBytes
    this.#sizeBytes += chunk.length
    if (isKept) await this.#file.appendFile(chunk)
  }

  /** Ends the writing; the file stays. */
  async keep(): Promise<{ readonly sha256: string }> {
    await this.#file.close()
    return { sha256: this.#hash.digest('hex') }
  }

  async discard(): Promise<void> {
    await this.#file.close()
    await rm(this.path, { force: true })
  }
}
