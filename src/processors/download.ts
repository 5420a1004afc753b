/** media.download: a media_id becomes a file. Slices, resume and publishing are `files/download`'s; the calls are `wecom`'s. */

import { download as downloadFile } from '../files/download.ts'
import { publishedExtension, safeName } from '../files/safe-name.ts'
import type { CallOptions } from '../wecom/index.ts'
import type { Processor } from './context.ts'
import { done } from './outcome.ts'

/** A running download waits in its place for the next slice's grant; longer waits leave the slices on disk and the place to others. */
const slicePatienceMs = 5_000

export const download: Processor<'media.download'> = async (payload, context, resources) => {
  const { id, reading } = context
  const { mediaId } = payload
  // The first slice takes the grant that the job has waited for; those after it go ahead of jobs that have not begun.
  const slices = [reading]
  const slice = (): CallOptions => slices.pop() ?? { ...reading, booking: undefined, urgent: true }
  const client = resources.client(payload.app)
  const downloaded = await downloadFile({
    ...resources.download,
    maxBytes: payload.maxBytes ?? resources.download.maxBytes,
    dir: resources.downloads,
    id,
    signal: context.signal,
    fetch: (range, signal) => client.get(mediaId, { ...slice(), range, signal, patienceMs: slicePatienceMs }),
    onProgress: context.progress,
  })
  const { sizeBytes, sha256, contentType } = downloaded
  const name = downloaded.name === undefined ? undefined : safeName(downloaded.name, id)
  const path = await downloaded.publish(`${id}.${publishedExtension(name, contentType)}`, context.mayPublish)
  return done({
    mediaId,
    path,
    sizeBytes,
    sha256: sha256 ?? '',
    ...(name !== undefined && { name }),
    ...(contentType !== undefined && { contentType }),
  })
}
