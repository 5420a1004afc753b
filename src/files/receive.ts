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
  readonly onBytes: (bytes: number) => void
}

export interface Received {
  readonly lengthBytes: number
  readonly sha256: string
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

async function* counted(
  place: Place,
  body: Readable,
  signal: AbortSignal,
): AsyncGenerator<readonly [Uint8Array, number]> {
  const { lengthBytes, maxBytes } = place
  let got = 0
  try {
    for await (const chunk of addAbortSignal(signal, body) as AsyncIterable<Uint8Array>) {
      got += chunk.length
      if (got > maxBytes) throw tooBig(maxBytes)
      if (lengthBytes !== undefined && got > lengthBytes)
        throw new Fault('transient', `more bytes came than the ${lengthBytes} that were announced: not kept`)
      yield [chunk, got - chunk.length]
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof Fault ? error : broken(got, lengthBytes, error)
  }
  if (lengthBytes !== undefined && got < lengthBytes) throw broken(got, lengthBytes)
}

/** Writes the body chunk by chunk: memory does not grow with the slice. Errors: `transient`, `too-big`, `config`. */
export const receive = async (place: Place, body: Readable, signal: AbortSignal): Promise<Received> => {
  const { partial, startBytes, whole } = place
  const own = sha256()
  const branch = whole?.branch(startBytes)
  let lengthBytes = 0
  for await (const [chunk, offset] of counted(place, body, signal)) {
    await partial.write(chunk, startBytes + offset)
    own.update(chunk)
    branch?.update(chunk)
    lengthBytes = offset + chunk.length
    place.onBytes(chunk.length)
  }
  return {
    lengthBytes,
    sha256: own.digest('hex'),
    adopt: () => whole?.adopt(branch, startBytes + lengthBytes),
  }
}
