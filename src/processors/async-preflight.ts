/** What is looked at before the platform is asked to fetch a URL: what would fail there in some minutes fails here, now, with the reason. */

import { Fault } from '../fault.ts'
import type { Payload } from '../queues/jobs.ts'
import { asyncMedia } from '../wecom/media-types.ts'
import type { Submitted } from './async-submission.ts'
import type { JobContext, Resources } from './context.ts'

/** Of the file behind the URL. */
export type Facts = Omit<Submitted, 'jobId'>

/** Faults: those of the source; `invalid`, `too-big`. */
export async function preflight(
  { type, url, md5 }: Payload<'media.async-upload'>,
  { signal, progress }: JobContext,
  { web }: Resources,
): Promise<Facts> {
  const { minBytes, maxBytes } = asyncMedia
  const { totalBytes } = await web.probe(url, signal)
  if (totalBytes < minBytes)
    throw new Fault('invalid', `the file has ${totalBytes} bytes: ${minBytes} or more are taken`)
  if (totalBytes > maxBytes)
    throw new Fault(
      'too-big',
      `the file has ${totalBytes} bytes, an async ${type} at most ${maxBytes}: make it smaller`,
    )
  if (md5 !== undefined) return { md5: md5.toLowerCase(), sizeBytes: totalBytes, computed: false }
  const read = await web.md5(url, { maxBytes, signal, onProgress: progress })
  return { ...read, computed: true }
}
