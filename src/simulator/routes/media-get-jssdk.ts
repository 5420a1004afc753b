/**
 * `GET media/get/jssdk?access_token&media_id` (p/90391): the voice of JS-SDK's `uploadVoice` as raw Speex frames of 60
 * bytes, always whole: Range is not documented here and counts as absent. Every other medium is 40007.
 */

import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Reply } from '../replies.ts'
import { mediumAsked, whole } from './media-get.ts'

export function mediaGetJssdk(call: Call): Reply {
  const { settings } = call.state
  const medium = mediumAsked(call)
  if (medium.kind !== 'speex') throw new Refusal(40007)
  return whole(medium, settings.switches)
}
