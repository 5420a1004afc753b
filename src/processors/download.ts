/** media.download: a media_id becomes a file. Slices, resume and publishing are `files/download`'s; the calls are `wecom`'s. */

import { download as downloadFile } from '../files/download.ts'
import { publishedExtension, safeName } from '../files/safe-name.ts'
import type { Processor } from './context.ts'
import { done } from './outcome.ts'

export const download: Processor<'media.download'> = async (payload, context, resources) => {
  const { id, reads: mark } = context
  const { mediaId } = payload
  const client = resources.client(payload.app)
  const downloaded = await downloadFile({
    ...resources.download,
    maxBytes: payload.maxBytes ?? resources.download.maxBytes,
    dir: resources.downloads,
    id,
    signal: context.signal,
    fetch: (range, signal) => client.get(mediaId, { range, signal, mark }),
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
