/** A source over one open descriptor: every attempt reads the very file that was checked, whatever the path names by then. */

import { type BigIntStats, fstatSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { readingFault, shown } from './disk-fault.ts'
import type { Source } from './file.ts'
import { inBlocks, inPieces, pieceBytes } from './read-ahead.ts'

const readAt = async (handle: FileHandle, startBytes: number, buffer: Buffer): Promise<Buffer> => {
  let got = 0
  while (got < buffer.length) {
    const { bytesRead } = await handle.read(buffer, got, buffer.length - got, startBytes + got)
    if (bytesRead === 0) break
    got += bytesRead
  }
  return buffer.subarray(0, got)
}

/** The bytes of a small file, read at the first call; of a larger one nothing is kept. */
const onceFor = (sizeBytes: number, read: () => Promise<Buffer>): (() => Promise<Buffer | undefined>) => {
  let kept: Promise<Buffer> | undefined
  return async () => {
    if (sizeBytes > pieceBytes) return undefined
    kept ??= read()
    return kept
  }
}

const once = (close: () => Promise<void>): (() => Promise<void>) => {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close()
    return closing
  }
}

/** Takes over the handle: `close` of the source closes it. */
export const sourceOf = (
  handle: FileHandle,
  { name, at }: Pick<Source, 'name' | 'at'>,
  opened: BigIntStats,
): Source => {
  const sizeBytes = Number(opened.size)
  const changed = () =>
    new Fault('invalid', `${shown(name)} changed while being read: wait until it is written, then try again`)

  const read = async (startBytes: number, lengthBytes: number, into?: Buffer): Promise<Buffer> => {
    const wanted = Math.max(0, Math.min(lengthBytes, sizeBytes - startBytes))
    try {
      return await readAt(handle, startBytes, into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted))
    } catch (error) {
      throw readingFault(error, name)
    }
  }

  const assertSame = (now: BigIntStats): void => {
    if (now.size !== opened.size || now.mtimeNs !== opened.mtimeNs) throw changed()
  }

  const assertUnchanged = async () => assertSame(await handle.stat({ bigint: true }))

  const whole = onceFor(sizeBytes, async () => {
    const bytes = await read(0, sizeBytes)
    if (bytes.length < sizeBytes) throw changed()
    // Without a thread: the system has just read there.
    assertSame(fstatSync(handle.fd, { bigint: true }))
    return bytes
  })

  const file = { sizeBytes, read, assertUnchanged, changed }

  async function* bytes(of: typeof inBlocks, signal?: AbortSignal): AsyncGenerator<Buffer> {
    signal?.throwIfAborted()
    const small = await whole()
    if (!small) yield* of(file, signal)
    else if (sizeBytes > 0) yield small
  }

  return {
    name,
    at,
    sizeBytes,
    open: async signal =>
      Readable.from(bytes(inPieces, signal), { objectMode: false, highWaterMark: pieceBytes }),
    pieces: signal => bytes(inBlocks, signal),
    whole,
    read: async (startBytes, lengthBytes) =>
      (await whole())?.subarray(startBytes, startBytes + lengthBytes) ?? read(startBytes, lengthBytes),
    close: once(() => handle.close()),
  }
}
