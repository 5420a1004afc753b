/**
 * `GET media/get?access_token&media_id` (p/96486), whole or by `Range: bytes=a-b`. Open-ended ranges are served;
 * every other form of Range is not documented and counts as absent.
 */

import type { Call } from '../call.ts'
import { contentDisposition, headerText } from '../header-text.ts'
import { type Medium, readMedium } from '../media-store.ts'
import type { Switches } from '../options.ts'
import { Refusal, refusalFor } from '../refusal.ts'
import { bytesReply, type Reply } from '../replies.ts'
import { encryptedBlockBytes } from '../rules.ts'

/** Throws a `Refusal` for a token or an id that does not serve. */
export function mediumAsked(call: Call): Medium {
  const { tokens, media } = call.state
  const app = tokens.check(call.query.get('access_token'))
  const mediaId = call.query.get('media_id')
  if (!mediaId) throw new Refusal(41006)
  call.note({ mediaId })
  return media.find(mediaId, app.corpId)
}

export function mediaGet(call: Call): Reply {
  const { settings } = call.state
  const medium = mediumAsked(call)
  if (medium.kind === 'attachment' && !settings.switches.getAttachments) throw new Refusal(40007)
  if (call.act('ignore-range')) return whole(medium, settings.switches)
  const slice = sliceOf(call.request.headers.range, medium.sizeBytes)
  if (slice && slice.startByte >= medium.sizeBytes) return notSatisfiable(medium)
  checkSize(medium, slice, settings.switches)
  return slice ? partial(medium, slice, settings.switches) : whole(medium, settings.switches)
}

interface Slice {
  readonly startByte: number
  /** Not included. */
  readonly endByte: number
}

function sliceOf(range: string | undefined, sizeBytes: number): Slice | undefined {
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? '')
  if (!match) return undefined
  const [, start, last] = match
  const startByte = Number(start)
  const endByte = last ? Math.min(Number(last) + 1, sizeBytes) : sizeBytes
  const isBackwards = last !== '' && Number(last) < startByte
  return isBackwards ? undefined : { startByte, endByte }
}

function checkSize({ sizeBytes, encrypted }: Medium, slice: Slice | undefined, switches: Switches): void {
  const { startByte, endByte } = slice ?? { startByte: 0, endByte: sizeBytes }
  const lengthBytes = endByte - startByte
  if (lengthBytes > switches.maxGetBytes) throw refusalFor('get-too-big', switches)
  const isLast = endByte === sizeBytes
  if (encrypted && !isLast && lengthBytes % encryptedBlockBytes !== 0) {
    throw refusalFor('slice-not-aligned', switches)
  }
}

/** The file without a look at Range. */
export function whole(medium: Medium, switches: Switches): Reply {
  const { sizeBytes } = medium
  return {
    status: 200,
    headers: fileHeaders(medium, switches),
    sizeBytes,
    body: readMedium(medium, 0, sizeBytes),
  }
}

function partial(medium: Medium, { startByte, endByte }: Slice, switches: Switches): Reply {
  const headers = {
    ...fileHeaders(medium, switches),
    'Accept-Ranges': 'bytes',
    'Content-Range': `bytes ${startByte}-${endByte - 1}/${medium.sizeBytes}`,
  }
  const body = readMedium(medium, startByte, endByte)
  return { status: 206, headers, sizeBytes: endByte - startByte, body }
}

/** Not documented; what every server does. */
function notSatisfiable({ sizeBytes }: Medium): Reply {
  const reply = bytesReply(416, undefined, '')
  return { ...reply, headers: { 'Content-Range': `bytes */${sizeBytes}` } }
}

function fileHeaders(medium: Medium, switches: Switches): Record<string, string> {
  return {
    'Content-Type': headerText(medium.contentType),
    'Content-disposition': contentDisposition(medium),
    'Cache-Control': 'no-cache, must-revalidate',
    ...(switches.closeAfterFile ? { Connection: 'close' } : {}),
    ...(switches.errorCodeOnFiles ? { 'Error-Code': '0', 'Error-Msg': 'ok' } : {}),
  }
}
