/** A file in pieces, each read while the one before it is dealt with: the disk and the other end work at the same time. */

import { createBudget } from '../budget.ts'
import type { Fault } from '../fault.ts'

/** One open file of a known size. */
export interface ReadableFile {
  readonly sizeBytes: number
  /** Fewer bytes only at the end of the file; into `block`, or into new memory. */
  read(startBytes: number, lengthBytes: number, block?: Buffer): Promise<Buffer>
  /** Throws when it is another file by now. */
  assertUnchanged(): Promise<void>
  changed(): Fault
}

/** What a stream reads at a time, and what of a file is kept whole, bytes. */
export const pieceBytes = 128 * 1024

/**
 * Of all files that are read in blocks by this process; 20 MB are sent at 0.65, 0.73, 1.0 and 1.26 of curl's speed with
 * blocks of 64, 128, 256 and 512 KiB. Never less than what a socket holds back (its highWaterMark, 64 KiB): only then does
 * undici wait for a piece to have left before it asks for the next, which is read into the block of the one before.
 */
const budget = createBudget({ totalBytes: 16 * 1024 * 1024, leastBytes: 64 * 1024, mostBytes: 512 * 1024 })

/** Each piece in memory of its own. */
export const inPieces = (file: ReadableFile, signal?: AbortSignal): AsyncGenerator<Buffer> =>
  ahead(file, at => file.read(at, pieceBytes), signal)

/** Into two blocks in turn: a piece is good until the next is asked for. They are the smaller the more files are read at once. */
export async function* inBlocks(file: ReadableFile, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const size = budget.take(file.sizeBytes, 2)
  try {
    let [block, other] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)]
    const read = (at: number): Promise<Buffer> => {
      ;[block, other] = [other, block]
      return file.read(at, size, block)
    }
    yield* ahead(file, read, signal)
  } finally {
    budget.give(2 * size)
  }
}

async function* ahead(
  file: ReadableFile,
  read: (startBytes: number) => Promise<Buffer>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let coming = read(0)
  for (let at = 0; at < file.sizeBytes; ) {
    const piece = await coming
    signal?.throwIfAborted()
    if (piece.length === 0) throw file.changed()
    at += piece.length
    if (at < file.sizeBytes) {
      coming = read(at)
      // Whoever does not ask for it need not hear of it.
      coming.catch(() => undefined)
    } else {
      // The last piece completes the announced length, and the platform accepts: so look before, not after.
      await file.assertUnchanged()
    }
    yield piece
  }
}
