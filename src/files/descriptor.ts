/** A source over one open descriptor: every attempt reads the very file that was checked, whatever the path names by then. */

import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { readingFault, shown } from './disk-fault.ts'
import type { Source } from './file.ts'

/** Ours: two of these per stream are in memory at a time, whatever the size of the file; a file that fits into one is read once. */
const chunkBytes = 128 * 1024

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
    if (sizeBytes > chunkBytes) return undefined
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

  const assertUnchanged = async (): Promise<void> => {
    const now = await handle.stat({ bigint: true })
    if (now.size !== opened.size || now.mtimeNs !== opened.mtimeNs) throw changed()
  }

  const whole = onceFor(sizeBytes, async () => {
    const bytes = await read(0, sizeBytes)
    if (bytes.length < sizeBytes) throw changed()
    await assertUnchanged()
    return bytes
  })

  async function* chunks(signal?: AbortSignal, buffers: readonly Buffer[] = []): AsyncGenerator<Buffer> {
    signal?.throwIfAborted()
    const bytes = await whole()
    if (bytes && sizeBytes > 0) yield bytes
    if (bytes) return
    for (let at = 0, n = 0; at < sizeBytes; n += 1) {
      signal?.throwIfAborted()
      const chunk = await read(at, chunkBytes, buffers[n % 2])
      if (chunk.length === 0) throw changed()
      at += chunk.length
      // The last chunk completes the announced length, and the platform accepts: so look before, not after.
      if (at === sizeBytes) await assertUnchanged()
      yield chunk
    }
  }

  return {
    name,
    at,
    sizeBytes,
    open: async signal => Readable.from(chunks(signal), { objectMode: false, highWaterMark: chunkBytes }),
    pieces: signal => chunks(signal, [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]),
    whole,
    read: async (startBytes, lengthBytes) =>
      (await whole())?.subarray(startBytes, startBytes + lengthBytes) ?? read(startBytes, lengthBytes),
    close: once(() => handle.close()),
  }
}
