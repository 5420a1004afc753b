/**
 * `GET media/get/jssdk?access_token&media_id` (p/90391): the voice of JS-SDK's `uploadVoice` as raw Speex frames of 60
 * bytes, always whole: Range is not documented here and counts as absent. Every other medium is 40007.
 */

import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Reply } from '../replies.ts'
import { whole } from './media-get.ts'

export function mediaGetJssdk(call: Call): Reply {
  const { settings, tokens, media } = call.state
  const app = tokens.check(call.query.get('access_token'))
  const mediaId = call.query.get('media_id')
  if (!mediaId) throw new Refusal(41006)
  call.note({ mediaId })
  const medium = media.find(mediaId, app.corpId)
  if (medium.kind !== 'speex') throw new Refusal(40007)
  return whole(medium, settings.switches)
}
