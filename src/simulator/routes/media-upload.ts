/**
 * `POST media/upload?access_token&type` (p/96484). Order of the checks is assumed: length, token, type, then the
 * body to its last byte, since the platform's front end hands on whole bodies only.
 */

import type { Call } from '../call.ts'
import { lacksLength } from '../receive.ts'
import { Refusal } from '../refusal.ts'
import { bytesReply, platformReply, type Reply } from '../replies.ts'
import { type MediaType, mediaTypes } from '../rules.ts'
import { createdAt, takeUpload } from '../take-upload.ts'

export async function mediaUpload(call: Call): Promise<Reply> {
  const { settings, tokens } = call.state
  if (lacksLength(call)) return bytesReply(412, undefined, '')
  const { corpId } = tokens.check(call.query.get('access_token'))
  const type = mediaTypeOf(call.query.get('type'))
  const medium = await takeUpload(call, { corpId, type, kind: 'temporary' })
  // The manual's sample has an empty errmsg here and "ok" elsewhere.
  return platformReply(0, '', {
    type,
    media_id: medium.mediaId,
    created_at: createdAt(medium, settings.switches.createdAt),
  })
}

/** Throws 40005 for a type that is missing or unknown. */
export function mediaTypeOf(type: string | null): MediaType {
  if (type === null || !Object.hasOwn(mediaTypes, type)) throw new Refusal(40005)
  return type as MediaType
}
