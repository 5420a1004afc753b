/** References to files as jobs carry them, and the way from a reference to bytes. A reference is a request, not a right: what may be read is decided by the backend. */

import type { Readable } from 'node:stream'
import { z } from 'zod'
import { type LocalOptions, openLocal } from './dir.ts'

/** PATH_MAX of Linux, in bytes. */
const pathMaxBytes = 4_096

const isUsablePath = (path: string): boolean =>
  path.isWellFormed() && !path.includes('\0') && Buffer.byteLength(path) <= pathMaxBytes

/** A path under a root. Becomes a union with `{ url }` when URLs come in. */
export const FileRef = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(pathMaxBytes)
    .refine(isUsablePath, `at most ${pathMaxBytes} bytes of UTF-8, without NUL`),
})

export type FileRef = z.output<typeof FileRef>

/** Where bytes come from: opened once, read as often as attempts need it. */
export interface Source {
  /** The base name, as the caller wrote it. */
  readonly name: string
  readonly sizeBytes: number
  /** The bytes from the first to the last, exactly `sizeBytes`; each call begins anew. The stream fails with `invalid` if the file changed meanwhile. */
  open(signal?: AbortSignal): Promise<Readable>
  /** `lengthBytes` from `startBytes`, fewer only at the end of the file. */
  read(startBytes: number, lengthBytes: number): Promise<Buffer>
  close(): Promise<void>
}

/** Opens what a reference names; the caller closes it. Errors: those of `openLocal`. */
export const openSource = (ref: FileRef, options: LocalOptions): Promise<Source> =>
  openLocal(ref.path, options)
