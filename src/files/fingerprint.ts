/** Hashes of files: SHA-256 while one arrives in pieces that are trusted only afterwards, and MD5, which the platform wants. */

import { createHash, type Hash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Fault } from '../fault.ts'
import { isCode, readingFault, shown } from './disk-fault.ts'

export const sha256 = (): Hash => createHash('sha256')

/** Of bytes at hand, lower-case hex. */
export const sha256Of = (bytes: Uint8Array): string => hash('sha256', bytes)

/** Goes from byte 0 upwards. A piece is hashed on a branch, and only an adopted branch counts. */
export class RunningHash {
  #hash = sha256()
  #doneBytes = 0

  get doneBytes(): number {
    return this.#doneBytes
  }

  /** For the piece that comes next; nothing for any other, which is read from disk once those before it are here. */
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

export interface Md5Facts {
  /** Lower-case hex, as `media/upload_by_url` takes it. */
  readonly md5: string
  readonly sizeBytes: number
}

/** Takes bytes in order; `restart` forgets those that came. */
export const md5Sink = () => {
  let hash = createHash('md5')
  return {
    restart: async () => {
      hash = createHash('md5')
    },
    write: async (chunk: Uint8Array) => {
      hash.update(chunk)
    },
    hex: () => hash.digest('hex'),
  }
}

/**
 * MD5 and size of a file of this host, for `media.async-upload`; memory does not grow with the file.
 * Errors: `not-found`, `invalid` (a folder), `config` (no right to read), `transient`, and the signal's reason.
 */
export const md5File = async (path: string, { signal }: { signal?: AbortSignal } = {}): Promise<Md5Facts> => {
  signal?.throwIfAborted()
  const hash = createHash('md5')
  let sizeBytes = 0
  try {
    for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      sizeBytes += chunk.length
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (isCode(error, 'ENOENT', 'ENOTDIR')) throw new Fault('not-found', `${shown(path)} does not exist`)
    if (isCode(error, 'EISDIR')) throw new Fault('invalid', `${shown(path)} is a folder: name a file in it`)
    throw readingFault(error, path)
  }
  return { md5: hash.digest('hex'), sizeBytes }
}
