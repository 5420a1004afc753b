/**
 * `POST media/upload_attachment?access_token&media_type&attachment_type` (p/96347): a medium for the moments (1) or the
 * product album (2) only. Order of the checks is assumed, as for `media/upload`. Resolution (41081) and duration
 * (41082) are not looked at, since no page tells their limits: they are for the script.
 */

import { demand } from '../apps.ts'
import type { Call } from '../call.ts'
import { lacksLength } from '../receive.ts'
import { Refusal, refusalFor } from '../refusal.ts'
import { bytesReply, platformReply, type Reply } from '../replies.ts'
import { attachmentScenes, type MediaType } from '../rules.ts'
import { createdAt, takeUpload } from '../take-upload.ts'

const mistakes = {
  'image-too-big': 'attachment-too-big',
  'video-too-big': 'attachment-too-big',
  'file-too-big': 'attachment-too-big',
  'not-mp4': 'attachment-not-mp4',
} as const

export async function mediaUploadAttachment(call: Call): Promise<Reply> {
  const { query, state } = call
  if (lacksLength(call)) return bytesReply(412, undefined, '')
  const app = state.tokens.check(query.get('access_token'))
  demand(app, 'customer-contact')
  const { type, attachmentType } = sceneOf(call)
  const { corpId } = app
  const medium = await takeUpload(call, { corpId, type, kind: 'attachment', attachmentType, mistakes })
  // A number in the manual's sample of 2025, whatever `media/upload` answers.
  const fields = { type, media_id: medium.mediaId, created_at: createdAt(medium, 'number') }
  return platformReply(0, 'ok', fields)
}

function sceneOf({ query, state }: Call): { readonly type: MediaType; readonly attachmentType: number } {
  const type = query.get('media_type')
  if (type !== 'image' && type !== 'video' && type !== 'file') throw new Refusal(40005)
  const scene = attachmentScenes.find(each => `${each.attachmentType}` === query.get('attachment_type'))
  const fits = scene?.types.some(each => each === type)
  if (!scene || !fits) throw refusalFor('attachment-of-wrong-scene', state.settings.switches)
  return { type, attachmentType: scene.attachmentType }
}
