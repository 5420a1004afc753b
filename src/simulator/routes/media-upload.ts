/**
 * `POST media/upload?access_token&type` (p/96484). Order of the checks is assumed: length, token, type, then the
 * body to its last byte, since the platform's front end hands on whole bodies only. A body cut short is never accepted.
 */

import type { Call } from '../call.ts'
import { contentTypeOf, refusalOfContent } from '../content.ts'
import type { Medium } from '../media-store.ts'
import { boundaryOf, type Part } from '../multipart.ts'
import type { App, Switches } from '../options.ts'
import { lacksLength, type NamedPart, receive } from '../receive.ts'
import { Refusal, refusalFor } from '../refusal.ts'
import { bytesReply, platformReply, type Reply } from '../replies.ts'
import { type MediaType, mediaTypes, minMediaBytes } from '../rules.ts'
import type { Spool } from '../spool.ts'

export async function mediaUpload(call: Call): Promise<Reply> {
  const { settings, tokens, media } = call.state
  const { switches } = settings
  if (lacksLength(call)) return bytesReply(412, undefined, '')
  const app = tokens.check(call.query.get('access_token'))
  const type = mediaTypeOf(call.query.get('type'))
  const boundary = boundaryOf(call.request.headers['content-type'])
  if (boundary === undefined) throw refusalFor('media-missing', switches)
  const spool = await media.spool(mediaTypes[type].maxBytes)
  try {
    const part = await receive(call, boundary, spool, isMedia)
    const refusal =
      refusalOfPart(type, part, spool, switches) ?? (await refusalOfContent(type, spool, switches))
    if (refusal) throw refusal
    return accept(call, app, type, await kept(call, app, type, part, spool))
  } catch (error) {
    await spool.discard()
    throw error
  }
}

function mediaTypeOf(type: string | null): MediaType {
  if (type === null || !Object.hasOwn(mediaTypes, type)) throw new Refusal(40005)
  return type as MediaType
}

const isMedia = (part: NamedPart): boolean => part.name === 'media'

function refusalOfPart(type: MediaType, part: Part, spool: Spool, switches: Switches): Refusal | undefined {
  const { maxBytes, tooBig } = mediaTypes[type]
  const { sizeBytes } = spool
  if (sizeBytes === 0) return refusalFor('media-missing', switches)
  if (sizeBytes < minMediaBytes) return refusalFor('too-small', switches)
  if (sizeBytes > maxBytes) return refusalFor(tooBig, switches)
  const isLengthWrong = part.filelength !== undefined && part.filelength !== `${sizeBytes}`
  const isChecked = switches.checkFilelength && type === 'image'
  return isLengthWrong && isChecked ? refusalFor('wrong-filelength', switches) : undefined
}

async function kept(call: Call, app: App, type: MediaType, part: NamedPart, spool: Spool): Promise<Medium> {
  const { media, clock, settings } = call.state
  const { sha256 } = await spool.keep()
  return media.put('temporary', {
    corpId: app.corpId,
    name: part.filename,
    contentType: contentTypeOf(type, spool.head, part.contentType),
    sizeBytes: spool.sizeBytes,
    sha256,
    createdAtMs: Math.floor(clock.nowMs() / 1000) * 1000,
    encrypted: settings.switches.encryptUploads,
    content: { path: spool.path },
  })
}

function accept(call: Call, app: App, type: MediaType, medium: Medium): Reply {
  const { mediaId, sha256, name, createdAtMs } = medium
  call.note({ corp: app.corpId, mediaId, sha256, filename: name })
  const createdAtS = createdAtMs / 1000
  const createdAt = call.state.settings.switches.createdAt === 'string' ? `${createdAtS}` : createdAtS
  // The manual's sample has an empty errmsg here and "ok" elsewhere.
  return platformReply(0, '', { type, media_id: mediaId, created_at: createdAt })
}
