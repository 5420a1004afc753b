/** A voice of the JS-SDK in high definition: raw Speex frames as the platform gives them, or wrapped so that players open them. */

import { Readable } from 'node:stream'
import { areFrames, oggSpeex, oggSpeexBytes, speexMilliseconds } from '../files/ogg-speex.ts'
import type { CallOptions, Client, Media } from '../wecom/index.ts'

export interface HdVoice {
  /** The whole voice: this way of the platform knows no ranges. */
  fetch(options: CallOptions): Promise<Omit<Media, 'pieces'>>
  /** How long it lasts, when all of it has come; undefined for bytes that are no row of frames. */
  durationMs(): number | undefined
  readonly extension: 'spx' | 'speex'
  readonly contentType: string
}

export function hdVoice(client: Client, mediaId: string, container: 'ogg' | 'raw'): HdVoice {
  let rawBytes = 0
  async function* counted(body: Readable): AsyncGenerator<Buffer> {
    rawBytes = 0
    for await (const chunk of body) {
      rawBytes += chunk.length
      yield chunk
    }
  }
  return {
    async fetch(options) {
      const { body, pieces: _, lengthBytes, ...facts } = await client.getHd(mediaId, options)
      const frames = counted(body)
      if (container === 'raw') return { ...facts, ...known(lengthBytes), body: readable(frames, body) }
      // Told before a byte is read: what is no row of frames is not brought.
      const wrapped = letGo(body, () =>
        known(lengthBytes === undefined ? undefined : oggSpeexBytes(lengthBytes)),
      )
      return { ...facts, ...wrapped, body: readable(oggSpeex(frames), body) }
    },
    durationMs: () => (areFrames(rawBytes) ? speexMilliseconds(rawBytes) : undefined),
    extension: container === 'ogg' ? 'spx' : 'speex',
    contentType: container === 'ogg' ? 'audio/ogg' : 'voice/speex',
  }
}

const known = (lengthBytes: number | undefined) => (lengthBytes === undefined ? {} : { lengthBytes })

/** A body that nobody will read holds a connection. */
function letGo<T>(body: Readable, work: () => T): T {
  try {
    return work()
  } catch (error) {
    body.destroy()
    throw error
  }
}

/** A generator that was never started ends nothing under it. */
function readable(chunks: AsyncIterable<Buffer>, body: Readable): Readable {
  const stream = Readable.from(chunks, { objectMode: false })
  stream.once('close', () => body.destroy())
  return stream
}
