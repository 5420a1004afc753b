/** One binding per method: what is checked before, how it is asked, what the answer means. */

import type { Clock } from '../clock.ts'
import { readReply } from './answer.ts'
import type { Call, Request } from './call.ts'
import type { Client } from './client.ts'
import { cancelled } from './errors.ts'
import { readMedia } from './media.ts'
import { imageBody, uploadBody } from './multipart.ts'
import { mediaLifeMs } from './platform.ts'
import { imageReply, uploadReply } from './replies.ts'
import { checkGet, checkImage, checkUpload } from './requests.ts'

export function bindings(call: Call, clock: Clock): Pick<Client, 'upload' | 'uploadImage' | 'get'> {
  return {
    async upload(file, options = {}) {
      checkUpload(file)
      const startedMs = clock.nowMs()
      const { type } = file
      const read = readReply(uploadReply)
      const reply = await outcome(call, {
        ...options,
        method: 'media/upload',
        query: { type },
        body: uploadBody(file),
        read,
      })
      const createdAt = reply.created_at ?? reply.create_at
      // Without the platform's time, our own before the call: never later than the truth.
      const createdAtMs = createdAt === undefined ? startedMs : createdAt * 1000
      return { type, mediaId: reply.media_id, createdAtMs, expiresAtMs: createdAtMs + mediaLifeMs }
    },
    async uploadImage(file, options = {}) {
      checkImage(file)
      const read = readReply(imageReply)
      return outcome(call, { ...options, method: 'media/uploadimg', query: {}, body: imageBody(file), read })
    },
    async get(mediaId, { range, ...options } = {}) {
      checkGet(mediaId, range)
      const headers = range ? { range: `bytes=${range.start}-${range.end}` } : {}
      const read = readMedia(range)
      return outcome(call, { ...options, method: 'media/get', query: { media_id: mediaId }, headers, read })
    },
  }
}

/** The call's value. A wait that the caller's signal ended in some layer becomes a fault here. */
async function outcome<T>(call: Call, request: Request<T>): Promise<T> {
  try {
    return (await call(request)).value
  } catch (error) {
    const { method, signal } = request
    if (signal?.aborted && error === signal.reason) throw cancelled(method, signal, false)
    throw error
  }
}
