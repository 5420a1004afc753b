/** Files to upload, made in memory. */

import { Readable } from 'node:stream'
import type { Fault } from '../../src/fault.ts'
import type { UploadFile } from '../../src/wecom/index.ts'

/** In chunks of 64 KiB, as a file is read. */
export function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

export const fileOf = (bytes: Buffer, over: Partial<UploadFile> = {}): UploadFile => ({
  type: 'file',
  name: 'report.pdf',
  sizeBytes: bytes.length,
  open: async () => Readable.from(chunksOf(bytes), { objectMode: false }),
  ...over,
})

export const small = Buffer.from('a small file')

/** What a promise is rejected with; fails when it is not. */
export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const value = await promise.then(
    () => undefined,
    (error: Fault) => error,
  )
  if (value === undefined) throw new Error('expected a fault')
  return value
}
