/**
 * Takes one medium of `media/upload` or its variants: the checks of its body and, when it is right, its place in the
 * store. The body is read to its last byte first; one that is cut short is never accepted.
 */

import type { Call } from './call.ts'
import { contentTypeOf, mistakeOfContent } from './content.ts'
import type { MediaKind, Medium } from './media-store.ts'
import { boundaryOf } from './multipart.ts'
import type { Switches } from './options.ts'
import { type NamedPart, receive } from './receive.ts'
import { refusalFor } from './refusal.ts'
import { type MediaType, mediaTypes, minMediaBytes, type RefusalName } from './rules.ts'
import type { Spool } from './spool.ts'

export interface Upload {
  readonly corpId: string
  readonly type: MediaType
  readonly kind: MediaKind
  /** Of an attachment. */
  readonly attachmentType?: number | undefined
  /** The names of this method for mistakes that others call otherwise. */
  readonly mistakes?: Readonly<Partial<Record<RefusalName, RefusalName>>>
  /** One more check, of the file's name. */
  readonly isNameRight?: (filename: string) => boolean
}

/** Throws a `Refusal` for a body that does not fit. */
export async function takeUpload(call: Call, upload: Upload): Promise<Medium> {
  const { settings, media } = call.state
  const { switches } = settings
  const boundary = boundaryOf(call.request.headers['content-type'])
  if (boundary === undefined) throw refusalFor('media-missing', switches)
  const spool = await media.spool(mediaTypes[upload.type].maxBytes)
  try {
    const part = await receive(call, boundary, spool, isMedia)
    const mistake =
      mistakeOfPart(upload, part, spool, switches) ?? (await mistakeOfContent(upload.type, spool))
    if (mistake) throw refusalFor(upload.mistakes?.[mistake] ?? mistake, switches)
    return await keep(call, upload, part, spool)
  } catch (error) {
    await spool.discard()
    throw error
  }
}

/** Its `created_at`, in seconds. */
export function createdAt({ createdAtMs }: Medium, form: Switches['createdAt']): string | number {
  const createdAtS = createdAtMs / 1000
  return form === 'string' ? `${createdAtS}` : createdAtS
}

const isMedia = (part: NamedPart): boolean => part.name === 'media'

function mistakeOfPart(
  { type, isNameRight }: Upload,
  { filename, filelength }: NamedPart,
  { sizeBytes }: Spool,
  switches: Switches,
): RefusalName | undefined {
  const { maxBytes, tooBig } = mediaTypes[type]
  if (sizeBytes === 0) return 'media-missing'
  if (isNameRight && !isNameRight(filename)) return 'bad-filename'
  if (sizeBytes < minMediaBytes) return 'too-small'
  if (sizeBytes > maxBytes) return tooBig
  const isLengthWrong = filelength !== undefined && filelength !== `${sizeBytes}`
  const isChecked = switches.checkFilelength && type === 'image'
  return isLengthWrong && isChecked ? 'wrong-filelength' : undefined
}

async function keep(call: Call, upload: Upload, part: NamedPart, spool: Spool): Promise<Medium> {
  const { media, clock, settings } = call.state
  const { corpId, type, kind, attachmentType } = upload
  const { sha256 } = await spool.keep()
  const medium = media.put(kind, {
    corpId,
    name: part.filename,
    contentType: contentTypeOf(type, spool.head, part.contentType),
    sizeBytes: spool.sizeBytes,
    sha256,
    createdAtMs: Math.floor(clock.nowMs() / 1000) * 1000,
    encrypted: settings.switches.encryptUploads,
    content: { path: spool.path },
  })
  const { mediaId } = medium
  call.note({ corp: corpId, mediaId, sha256, filename: part.filename })
  if (attachmentType !== undefined) call.note({ attachmentType })
  return medium
}
