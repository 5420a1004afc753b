/** The document of an article: where it comes from, what its relative paths mean, and where the changed one goes. */

import { isUtf8 } from 'node:buffer'
import { Fault } from '../fault.ts'
import type { FileRef } from '../files/file.ts'
import { baseIn } from '../files/html.ts'
import { PartialFile } from '../files/partial.ts'
import type { Payload } from '../queues/jobs.ts'
import type { JobContext, Resources } from './context.ts'

/** Room for ten images as data URIs; the platform takes far less of the text that remains. */
const maxBytes = 20 * 1024 * 1024

export interface Document {
  readonly html: string
  /** Where its relative addresses begin; nowhere when it came in the payload. */
  readonly base: FileRef | undefined
}

/** Faults: those of the source, `too-big`, `wrong-type` (not UTF-8). */
export async function readDocument(
  { html, source: base }: Payload<'media.article'>,
  { id, signal }: JobContext,
  resources: Resources,
): Promise<Document> {
  if (base === undefined) return documentOf(html ?? '', undefined)
  const source = await resources.openSource(base, { id, signal, maxBytes })
  try {
    const { sizeBytes } = source
    if (sizeBytes > maxBytes)
      throw new Fault(
        'too-big',
        `the document has ${sizeBytes} bytes, at most ${maxBytes} are taken: split it`,
      )
    const bytes = await source.read(0, sizeBytes)
    if (!isUtf8(bytes))
      throw new Fault('wrong-type', 'the document is not UTF-8: convert it (GBK and UTF-16 are not taken)')
    // What came as a body is as if it had come in the payload.
    return documentOf(bytes.toString(), 'spooled' in base ? undefined : source.at)
  } finally {
    await source.close()
  }
}

/** A `<base>` of the web counts for a page of the web, and for one that came inline; nothing else may say where files lie. */
function documentOf(html: string, at: FileRef | undefined): Document {
  const href = baseIn(html)
  const url = href === undefined ? null : URL.parse(href, at && 'url' in at ? at.url : undefined)
  const isWeb = url !== null && /^https?:$/.test(url.protocol) && (at === undefined || 'url' in at)
  return { html, base: isWeb ? { url: url.href } : at }
}

/** Writes `<id>.html` into `folder`, whole or not at all; answers its path. Faults: `config`, `transient` (the disk). */
export async function publishDocument(
  html: string,
  { id, mayPublish }: JobContext,
  folder: string,
): Promise<string> {
  const bytes = Buffer.from(html)
  const partial = await PartialFile.create(folder, id)
  try {
    await partial.write(bytes, 0)
    return await partial.publish(`${id}.html`, bytes.length, mayPublish)
  } catch (error) {
    await partial.leave(false)
    throw error
  }
}
