/** media.download: a media_id becomes a file. Slices, resume and publishing are `files/download`'s; the calls are `wecom`'s. */

import { Fault } from '../fault.ts'
import { type Downloaded, download as downloadFile } from '../files/download.ts'
import { publishedExtension, safeName } from '../files/safe-name.ts'
import type { CallOptions } from '../wecom/index.ts'
import type { Processor } from './context.ts'
import { hdVoice } from './hd-voice.ts'
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
  const voice = payload.voice && hdVoice(client, mediaId, payload.container ?? 'ogg')
  const downloaded = await downloadFile({
    ...resources.download,
    maxBytes: payload.maxBytes ?? resources.download.maxBytes,
    dir: resources.downloads,
    id,
    signal: context.signal,
    fetch(range, signal) {
      const options = { ...slice(), signal, patienceMs: slicePatienceMs }
      return voice ? voice.fetch(options) : client.get(mediaId, { ...options, range })
    },
    onProgress: context.progress,
  }).catch(async error => {
    if (error instanceof Fault && error.kind === 'gone' && !voice)
      await resources.ledger.forget(resources.corpOf(payload.app), mediaId)
    throw error
  })
  const { sizeBytes, sha256 } = downloaded
  const { name, extension, contentType } = namesOf(downloaded, id, voice)
  const path = await downloaded.publish(`${id}.${extension}`, context.mayPublish)
  const durationMs = voice?.durationMs()
  return done({
    mediaId,
    path,
    sizeBytes,
    sha256: sha256 ?? '',
    ...(name !== undefined && { name }),
    ...(contentType !== undefined && { contentType }),
    ...(durationMs !== undefined && { durationMs }),
  })
}

/** The platform's words for it, made safe; of an HD voice only what is true of the file that we wrote. */
function namesOf(
  { name, contentType }: Downloaded,
  id: string,
  voice: ReturnType<typeof hdVoice> | undefined,
): { name: string | undefined; extension: string; contentType: string | undefined } {
  const safe = name === undefined ? undefined : safeName(name, id)
  if (!voice) return { name: safe, extension: publishedExtension(safe, contentType), contentType }
  return { name: safe, extension: voice.extension, contentType: voice.contentType }
}
