/** One binding per method: what is checked before, how it is asked, what the answer means. */

import type { Clock } from '../clock.ts'
import { readReply } from './answer.ts'
import type { Client, Uploaded } from './api.ts'
import { asyncBindings } from './async-upload.ts'
import type { Call, CallOptions } from './call.ts'
import { readMedia } from './media.ts'
import { attachments, cashierAttachmentType } from './media-types.ts'
import type { MethodName } from './methods.ts'
import { imageBody, type UploadFile, uploadBody } from './multipart.ts'
import { perform } from './perform.ts'
import { madeAtMs, mediaLifeMs } from './platform.ts'
import { imageReply, uploadReply } from './replies.ts'
import { checkAttachment, checkGet, checkImage, checkProviderFile, checkUpload } from './requests.ts'

export function bindings(call: Call, clock: Clock): Omit<Client, 'closed' | 'close'> {
  const send = uploader(call, clock)
  return {
    ...asyncBindings(call, clock),
    async upload(file, options = {}) {
      checkUpload(file)
      return send('media/upload', file, { type: file.type }, options)
    },
    async uploadImage(file, options = {}) {
      checkImage(file)
      const read = readReply(imageReply)
      return perform(call, { ...options, method: 'media/uploadimg', query: {}, body: imageBody(file), read })
    },
    async uploadAttachment(file, options = {}) {
      checkAttachment(file)
      const { attachmentType } = attachments[file.attachment]
      const query = { media_type: file.type, attachment_type: String(attachmentType) }
      return send('media/upload_attachment', file, query, options)
    },
    async uploadForProvider(file, options = {}) {
      checkProviderFile(file)
      const attachment = file.attachment && { attachment_type: String(cashierAttachmentType) }
      return send('service/media/upload', file, { type: file.type, ...attachment }, options)
    },
    async get(mediaId, { range, ...options } = {}) {
      checkGet(mediaId, range)
      const headers = range ? { range: `bytes=${range.start}-${range.end}` } : {}
      const read = readMedia(range)
      return perform(call, { ...options, method: 'media/get', query: { media_id: mediaId }, headers, read })
    },
    async getHd(mediaId, options = {}) {
      checkGet(mediaId)
      const read = readMedia()
      return perform(call, { ...options, method: 'media/get/jssdk', query: { media_id: mediaId }, read })
    },
  }
}

/** The methods that take a multipart body and answer with a temporary medium differ in their query alone. */
const uploader =
  (call: Call, clock: Clock) =>
  async (
    method: MethodName,
    file: UploadFile,
    query: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<Uploaded> => {
    const startedMs = clock.nowMs()
    const read = readReply(uploadReply)
    const reply = await perform(call, { ...options, method, query, body: uploadBody(file), read })
    const createdAt = reply.created_at ?? reply.create_at
    // Without the platform's time, our own before the call: never later than the truth.
    const createdAtMs = createdAt === undefined ? startedMs : madeAtMs(createdAt, clock.nowMs())
    return {
      type: file.type,
      mediaId: reply.media_id,
      createdAtMs,
      expiresAtMs: createdAtMs + mediaLifeMs,
    }
  }
