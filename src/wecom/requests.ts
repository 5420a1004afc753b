/** What can be refused before anything is sent, with the platform's own figures. */

import { Fault } from '../fault.ts'
import type { ByteRange } from './media.ts'
import { attachments, isMediaType, mediaTypes, minBytes, permanentImage } from './media-types.ts'
import type { AttachmentFile, ImageFile, ProviderFile, UploadFile } from './multipart.ts'

export const invalid = (message: string) => new Fault('invalid', `${message}; nothing was sent`)

/** Printable ASCII: the rest would end the part's header or be garbled in it. */
const headerValue = /^[\x20-\x7e]+$/

/** Throws `invalid` or `too-big` for a file that the platform would refuse. */
export function checkUpload(file: UploadFile): void {
  const { type } = file
  if (!isMediaType(type)) throw invalid(`unknown media type: use ${Object.keys(mediaTypes).join(', ')}`)
  checkFile(file, type, { minBytes, maxBytes: mediaTypes[type].maxBytes })
}

/** The same for an attachment; `wrong-type` for a type that its scene does not take. */
export function checkAttachment(file: AttachmentFile): void {
  const { attachment, type } = file
  if (!Object.hasOwn(attachments, attachment))
    throw invalid(`unknown attachment: use ${Object.keys(attachments).join(', ')}`)
  const types: readonly string[] = attachments[attachment].types
  checkUpload(file)
  if (types.includes(type)) return
  throw new Fault('wrong-type', `${attachment} takes ${types.join(' and ')}, no ${type}; nothing was sent`)
}

/** The same for a provider's file, whose names the platform restricts (document/path/99310, facts §2.3). */
export function checkProviderFile(file: ProviderFile): void {
  const { name, attachment } = file
  if (attachment !== undefined && attachment !== 'cashier') throw invalid('unknown attachment: use cashier')
  if (name.startsWith('/') || /[\\:]/.test(name))
    throw invalid("a provider's file name must not begin with / and must not hold \\ or :")
  checkUpload(file)
}

/** The same for a permanent image. */
export const checkImage = (file: ImageFile): void => checkFile(file, 'a permanent image', permanentImage)

function checkFile(
  { name, sizeBytes, contentType }: ImageFile,
  what: string,
  { minBytes, maxBytes }: { readonly minBytes: number; readonly maxBytes: number },
): void {
  // A backslash at the end would hide the quote behind it from some readers (facts §2.3 advises against any).
  if (name === '' || /[\0\\]/.test(name))
    throw invalid('the file name is empty or holds a NUL or a backslash: give another name')
  if (contentType !== undefined && !headerValue.test(contentType))
    throw invalid('the content type is no MIME type')
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < minBytes) {
    throw invalid(`the file has ${sizeBytes} bytes, the platform takes ${minBytes} or more`)
  }
  if (sizeBytes > maxBytes) {
    throw new Fault(
      'too-big',
      `the file has ${sizeBytes} bytes, ${what} at most ${maxBytes}; nothing was sent`,
    )
  }
}

/** Opaque; the longest seen has 66 characters (facts §3.4). */
const mediaIdMaxLength = 256

/** Throws `invalid` for a media_id or a range that cannot be right. */
export function checkGet(mediaId: string, range?: ByteRange): void {
  if (mediaId === '' || mediaId.length > mediaIdMaxLength) {
    throw invalid(`a media_id has 1 to ${mediaIdMaxLength} characters`)
  }
  if (!range) return
  const { start, end } = range
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end
  if (!isRange) throw invalid('a range has a start of 0 or more and an end that is not before it')
}
