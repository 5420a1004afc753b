/** One body to its place on disk, counted and hashed on the way. A byte too few or too many is a fault, never a file. */

import { addAbortSignal, type Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { type RunningHash, sha256 } from './fingerprint.ts'
import type { PartialFile } from './partial.ts'
import type { ListedSlice } from './slice-list.ts'

export interface Place {
  readonly partial: PartialFile
  readonly startBytes: number
  /** What must come; undefined where only the end of a chunked body tells. */
  readonly lengthBytes?: number
  /** Cap on what may come. */
  readonly maxBytes: number
  /** The whole file's hash; undefined where nobody asks for it. */
  readonly whole?: RunningHash
  /** Whether a hash is wanted for the list. */
  readonly durable: boolean
  readonly onBytes: (bytes: number) => void
}

export interface Bytes {
  readonly body: Readable
  /** The same bytes, each piece good until the next is asked for; where missing, `body` is read. */
  pieces?(): AsyncIterable<Uint8Array>
}

export interface Received {
  readonly lengthBytes: number
  /** For the list, where one is wanted: of the whole file so far if these bytes come next, else of them alone. */
  readonly listed: Pick<ListedSlice, 'sha256' | 'isRunning'> | undefined
  /** Once the bytes are trusted: they count for the whole file's hash. */
  readonly adopt: () => void
}

export const tooBig = (maxBytes: number): Fault =>
  new Fault(
    'too-big',
    `the file has more than ${maxBytes} bytes: raise the limit of this download, or leave it`,
  )

const broken = (got: number, expected: number | undefined, cause?: unknown): Fault => {
  const of = expected === undefined ? '' : ` of ${expected}`
  return new Fault(
    'transient',
    `the body ended or broke after ${got}${of} bytes: the download goes on from there`,
    { cause },
  )
}

async function* counted(place: Place, bytes: Bytes, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { lengthBytes, maxBytes } = place
  // Ends the pieces, too, and lets go of the connection under both.
  const body = addAbortSignal(signal, bytes.body)
  let got = 0
  try {
    for await (const chunk of bytes.pieces?.() ?? (body as AsyncIterable<Uint8Array>)) {
      signal.throwIfAborted()
      got += chunk.length
      if (got > maxBytes) throw tooBig(maxBytes)
      if (lengthBytes !== undefined && got > lengthBytes)
        throw new Fault('transient', `more bytes came than the ${lengthBytes} that were announced: not kept`)
      yield chunk
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof Fault ? error : broken(got, lengthBytes, error)
  }
  if (lengthBytes !== undefined && got < lengthBytes) throw broken(got, lengthBytes)
}

/**
 * Writes the body piece by piece, and hashes each while it is on its way to the disk and the next comes in: memory does
 * not grow with the slice. Errors: `transient`, `too-big`, `config`.
 */
export const receive = async (place: Place, bytes: Bytes, signal: AbortSignal): Promise<Received> => {
  const { partial, startBytes, whole } = place
  const branch = whole?.branch(startBytes)
  // One hash for each byte: two would take longer than all the rest.
  const hash = branch ?? (place.durable ? sha256() : undefined)
  let lengthBytes = 0
  for await (const piece of counted(place, bytes, signal)) {
    const writing = partial.write(piece, startBytes + lengthBytes)
    // Begun before the hashing, so that both go on at once.
    hash?.update(piece)
    await writing
    lengthBytes += piece.length
    place.onBytes(piece.length)
  }
  return {
    lengthBytes,
    listed:
      place.durable && hash ? { sha256: hash.copy().digest('hex'), isRunning: hash === branch } : undefined,
    adopt: () => whole?.adopt(branch, startBytes + lengthBytes),
  }
}
