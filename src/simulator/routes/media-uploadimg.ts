/**
 * `POST media/uploadimg?access_token` (p/90256, transcribed): a picture that gets a URL for ever. The field may have
 * any name. Order of the checks is assumed, as for `media/upload`.
 */

import type { Grantee } from '../apps.ts'
import type { Call } from '../call.ts'
import { contentTypeOf, isPicture } from '../content.ts'
import { boundaryOf } from '../multipart.ts'
import type { Switches } from '../options.ts'
import { lacksLength, receive } from '../receive.ts'
import { type Refusal, refusalFor } from '../refusal.ts'
import { bytesReply, platformReply, type Reply } from '../replies.ts'
import { permanentImage } from '../rules.ts'
import type { Spool } from '../spool.ts'

export async function mediaUploadimg(call: Call): Promise<Reply> {
  const { settings, tokens, media } = call.state
  if (lacksLength(call)) return bytesReply(412, undefined, '')
  const app = tokens.check(call.query.get('access_token'))
  const boundary = boundaryOf(call.request.headers['content-type'])
  if (boundary === undefined) throw refusalFor('media-missing', settings.switches)
  const spool = await media.spool(permanentImage.maxBytes)
  try {
    const { filename } = await receive(call, boundary, spool)
    const refusal = refusalOf(spool, settings.switches)
    if (refusal) throw refusal
    return await accept(call, app, filename, spool)
  } catch (error) {
    await spool.discard()
    throw error
  }
}

function refusalOf({ sizeBytes, head }: Spool, switches: Switches): Refusal | undefined {
  const { minBytes, maxBytes } = permanentImage
  if (sizeBytes === 0) return refusalFor('media-missing', switches)
  if (sizeBytes < minBytes) return refusalFor('too-small', switches)
  if (sizeBytes > maxBytes) return refusalFor('permanent-image-too-big', switches)
  const isRefused = switches.checkPermanentImage && !isPicture(head)
  return isRefused ? refusalFor('not-a-permanent-image', switches) : undefined
}

async function accept(call: Call, { corpId }: Grantee, filename: string, spool: Spool): Promise<Reply> {
  const { media, settings } = call.state
  const { path, sizeBytes, head } = spool
  const { sha256 } = await spool.keep()
  const contentType = contentTypeOf('image', head, undefined)
  const pathname = media.putImage({ corpId, contentType, sizeBytes, sha256, content: { path } })
  const url = `${settings.switches.imageOrigin ?? originOf(call)}${pathname}`
  call.note({ corp: corpId, sha256, filename, url })
  return platformReply(0, '', { url })
}

/** The simulator as this client reached it, so that it can fetch the URL the same way. */
function originOf({ request }: Call): string {
  const { localAddress, localPort } = request.socket
  return `http://${request.headers.host ?? `${localAddress}:${localPort}`}`
}
