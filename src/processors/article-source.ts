/** From the `src` of an image to its bytes: a path beside the document, a URL, or data in the document itself. */

import { dirname, isAbsolute, join } from 'node:path'
import { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { FileRef, type Source } from '../files/file.ts'
import { sha256 } from '../files/fingerprint.ts'
import { kindOfSrc, type Src } from '../files/image-src.ts'
import { inspect } from '../files/inspect.ts'
import { formatOf, headBytes } from '../files/magic.ts'
import type { JobContext, Resources } from './context.ts'
import { imageRule } from './permanent-image.ts'

/** In memory: what is hashed is what is sent, whatever happens to the file meanwhile. */
export interface LoadedImage {
  readonly name: string
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly sha256: string
  open(): Promise<Readable>
}

const { maxBytes } = imageRule

/** What a `src` means in a document that was at `base`; without one, paths are relative to the roots. */
export function resolve(src: string, base: FileRef | undefined): Src {
  const found = kindOfSrc(src, maxBytes)
  if (found.as !== 'path' || base === undefined || 'spooled' in base) return found
  if ('url' in base) return onSite(src, base.url)
  const { path } = found
  return isAbsolute(path) ? found : { as: 'path', path: join(dirname(base.path), path) }
}

/** A page of the web names files of its own site, and has no say in what leaves this host. */
function onSite(src: string, page: string): Src {
  const found = kindOfSrc(URL.parse(src, page)?.href ?? '', maxBytes)
  if (found.as !== 'path') return found
  const why = new Fault(
    'forbidden-address',
    'a document from a URL names a file of this host: serve it there',
  )
  return { as: 'unusable', why }
}

/** Opens, checks, reads and hashes an image. Faults: those of the source and of `inspect`. */
export async function load(
  found: Src,
  { id, signal }: JobContext,
  resources: Resources,
): Promise<LoadedImage> {
  if (found.as === 'unusable') throw found.why
  const source =
    found.as === 'data'
      ? inMemory(found.bytes)
      : await resources.openSource(refOf(found), { id, signal, maxBytes })
  try {
    await inspect(source, imageRule)
    return loaded(await source.read(0, source.sizeBytes))
  } finally {
    await source.close()
  }
}

/** As strict as with a reference in a payload. */
function refOf(found: Src): FileRef {
  const ref = FileRef.safeParse(
    found.as === 'url' ? { url: found.url } : found.as === 'path' && { path: found.path },
  )
  if (ref.success) return ref.data
  throw new Fault(
    'invalid',
    `the src of the image is too long or names no file: ${ref.error.issues[0]?.message}`,
  )
}

/** Named by what it is: the name that stood in the document says nothing to anybody. */
function loaded(bytes: Buffer): LoadedImage {
  const hash = sha256().update(bytes).digest('hex')
  return {
    name: `${hash.slice(0, 16)}.${formatOf(bytes.subarray(0, headBytes))}`,
    sizeBytes: bytes.length,
    sha256: hash,
    open: async () => Readable.from([bytes], { objectMode: false }),
  }
}

const inMemory = (bytes: Buffer): Source => ({
  name: 'data URI',
  at: { path: '' },
  sizeBytes: bytes.length,
  open: async () => Readable.from([bytes], { objectMode: false }),
  read: async (startBytes, lengthBytes) => bytes.subarray(startBytes, startBytes + lengthBytes),
  async close() {},
})
