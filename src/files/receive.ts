/** One body to its place on disk, counted and hashed on the way. A byte too few or too many is a fault, never a file. */

import { addAbortSignal, type Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { type RunningHash, sha256 } from './fingerprint.ts'
import type { PartialFile } from './partial.ts'

export interface Place {
  readonly partial: PartialFile
  readonly startBytes: number
  /** What must come; undefined where only the end of a chunked body tells. */
  readonly lengthBytes?: number
  /** Cap on what may come. */
  readonly maxBytes: number
  /** The whole file's hash; undefined where nobody asks for it. */
  readonly whole?: RunningHash
  /** Whether the slice is to be hashed by itself, for the list. */
  readonly durable: boolean
  readonly onBytes: (bytes: number) => void
}

export interface Received {
  readonly lengthBytes: number
  readonly sha256: string | undefined
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

async function* counted(place: Place, body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { lengthBytes, maxBytes } = place
  let got = 0
  try {
    for await (const chunk of addAbortSignal(signal, body) as AsyncIterable<Uint8Array>) {
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

/** What is gathered before it is written, bytes: bodies come in pieces of 64 KiB, and each write is a trip to a thread and back. */
const writeBytes = 256 * 1024

/**
 * Writes the body piece by piece, and hashes one piece while the one before it is on its way to the disk: memory does not
 * grow with the slice. Errors: `transient`, `too-big`, `config`.
 */
export const receive = async (place: Place, body: Readable, signal: AbortSignal): Promise<Received> => {
  const { partial, startBytes, whole } = place
  const own = place.durable ? sha256() : undefined
  const branch = whole?.branch(startBytes)
  let lengthBytes = 0
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  let writing: Promise<void> = Promise.resolve()
  const write = async (): Promise<void> => {
    await writing
    writing = partial.write(gathered, startBytes + lengthBytes - gatheredBytes)
    // Whoever waits for it hears of its failure; until then it must not count as unhandled.
    writing.catch(() => undefined)
    for (const chunk of gathered) {
      own?.update(chunk)
      branch?.update(chunk)
    }
    gathered = []
    gatheredBytes = 0
  }
  try {
    for await (const chunk of counted(place, body, signal)) {
      gathered.push(chunk)
      gatheredBytes += chunk.length
      lengthBytes += chunk.length
      place.onBytes(chunk.length)
      if (gatheredBytes >= writeBytes) await write()
    }
    if (gatheredBytes > 0) await write()
  } finally {
    // Nothing is under way any more when the file is closed.
    await writing
  }
  return {
    lengthBytes,
    sha256: own?.digest('hex'),
    adopt: () => whole?.adopt(branch, startBytes + lengthBytes),
  }
}
