/**
 * `POST service/media/upload?provider_access_token&type[&attachment_type=3]` (p/99310): a provider's own medium, for
 * the translation of contact ids, or for the cashier (3). Order of the checks is assumed, as for `media/upload`.
 */

import type { Call } from '../call.ts'
import { lacksLength } from '../receive.ts'
import { refusalFor } from '../refusal.ts'
import { bytesReply, platformReply, type Reply } from '../replies.ts'
import { cashierAttachmentType } from '../rules.ts'
import { createdAt, takeUpload } from '../take-upload.ts'
import { mediaTypeOf } from './media-upload.ts'

/** Not at the root, no separator and no drive. */
const isNameRight = (filename: string): boolean => !filename.startsWith('/') && !/[\\:]/.test(filename)

export async function serviceMediaUpload(call: Call): Promise<Reply> {
  const { query, state } = call
  const { switches } = state.settings
  if (lacksLength(call)) return bytesReply(412, undefined, '')
  const { corpId } = state.tokens.checkProvider(query.get('provider_access_token'))
  const type = mediaTypeOf(query.get('type'))
  const attachmentType = attachmentTypeOf(call)
  const medium = await takeUpload(call, { corpId, type, kind: 'provider', attachmentType, isNameRight })
  return platformReply(0, '', {
    type,
    media_id: medium.mediaId,
    created_at: createdAt(medium, switches.createdAt),
  })
}

function attachmentTypeOf({ query, state }: Call): number | undefined {
  const text = query.get('attachment_type')
  if (text === null) return undefined
  if (text !== `${cashierAttachmentType}`) {
    throw refusalFor('attachment-of-wrong-scene', state.settings.switches)
  }
  return cashierAttachmentType
}
