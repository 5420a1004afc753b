/** References to files as jobs carry them, and the way from a reference to bytes. A reference is a request, not a right: what may be read is decided by the backend. */

import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../fault.ts'
import { openBody } from './bodies.ts'
import { type LocalOptions, openLocal } from './dir.ts'
import type { Web } from './http.ts'
import { webIsOff } from './web-policy.ts'

/** PATH_MAX of Linux, in bytes. */
const pathMaxBytes = 4_096

const isUsablePath = (path: string): boolean =>
  path.isWellFormed() && !path.includes('\0') && Buffer.byteLength(path) <= pathMaxBytes

/** A path under a root. */
const PathRef = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(pathMaxBytes)
    .refine(isUsablePath, `at most ${pathMaxBytes} bytes of UTF-8, without NUL`),
})

const urlMaxBytes = 2_048

const isUsableUrl = (url: string): boolean => url.isWellFormed() && Buffer.byteLength(url) <= urlMaxBytes

/** An address that workers fetch from, if their configuration allows it. */
const UrlRef = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .max(urlMaxBytes)
    .refine(isUsableUrl, `at most ${urlMaxBytes} bytes of UTF-8`),
})

/** The body of an HTTP request; see bodies.ts. Only the HTTP API makes such a reference. */
const SpooledRef = z.strictObject({
  spooled: z.string().regex(/^[A-Za-z0-9_-]{1,128}\/[0-9a-f]{64}(\.[a-z0-9]{1,8})?$/, 'is no spooled body'),
})

/** A file under a root, or at a URL, or a spooled body. */
export const FileRef = z.union([PathRef, UrlRef, SpooledRef], {
  error: `must be { "path": … } of at most ${pathMaxBytes} bytes, or { "url": … } with http(s) and at most ${urlMaxBytes} bytes`,
})

export type FileRef = z.output<typeof FileRef>

/** Where bytes come from: opened once, read as often as attempts need it. */
export interface Source {
  /** The base name, as the caller wrote it. */
  readonly name: string
  /** Where it was found in the end: the path under its root, the URL behind all redirects. */
  readonly at: FileRef
  readonly sizeBytes: number
  /** The bytes from the first to the last, exactly `sizeBytes`; each call begins anew. The stream fails with `invalid` if the file changed meanwhile. */
  open(signal?: AbortSignal): Promise<Readable>
  /**
   * As `open`, without a stream and without new memory for each piece: one is valid until the next is asked for. For
   * whoever is done with a piece by then, as a hash is, or a socket that has drained.
   */
  pieces?(signal?: AbortSignal): AsyncIterable<Buffer>
  /**
   * The bytes of a small file (up to 128 KiB), read once whatever is asked how often: a file that changes afterwards is sent as it
   * was checked and hashed. Undefined for a larger one: use `open`. Faults: as those of `open`.
   */
  whole?(): Promise<Buffer | undefined>
  /** `lengthBytes` from `startBytes`, fewer only at the end of the file. */
  read(startBytes: number, lengthBytes: number): Promise<Buffer>
  close(): Promise<void>
}

export interface SourceOptions extends LocalOptions {
  /** What fetches URLs; without it every URL is refused. */
  readonly web?: Web
  /** Where bodies of HTTP requests are. */
  readonly bodiesDir?: string
  /** Where URLs are spooled to. */
  readonly spoolDir?: string
  /** The job's id, part of the spool file's name; default `source`. */
  readonly id?: string
  /** Cap on what a URL may bring; default 200 MiB, the most that the platform takes. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

const defaultMaxBytes = 200 * 1024 * 1024

const openUrl = (url: string, options: SourceOptions): Promise<Source> => {
  const { web, spoolDir, id = 'source', maxBytes = defaultMaxBytes } = options
  if (web === undefined) throw webIsOff()
  if (spoolDir === undefined) throw new Fault('config', 'no folder to spool URLs to: name one as spoolDir')
  return web.spool(url, {
    dir: spoolDir,
    id,
    maxBytes,
    signal: options.signal ?? new AbortController().signal,
  })
}

/** Opens what a reference names; the caller closes it. Errors: those of `openLocal`, `openBody` and of `Web.spool`. */
export const openSource = async (ref: FileRef, options: SourceOptions): Promise<Source> => {
  if ('url' in ref) return openUrl(ref.url, options)
  if ('path' in ref) return openLocal(ref.path, options)
  if (options.bodiesDir !== undefined) return openBody(options.bodiesDir, ref.spooled)
  throw new Fault('config', 'no folder for bodies of requests: name one as bodiesDir')
}
