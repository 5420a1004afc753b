/**
 * The upload's body, written by hand: FormData cannot say `filelength`. One part, exact length. A source that is
 * shorter or longer than promised fails the call before the closing line is sent, so that the platform never takes
 * a cut file for a whole one.
 */

import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { abortable } from './abortable.ts'
import type { Body } from './call.ts'
import { reduced } from './errors.ts'
import { type Attachment, contentTypeOf, type MediaType } from './media-types.ts'

/** A file to send. `open` is called once per attempt and must give the same bytes each time. */
export interface ImageFile {
  /** The name people see; any Unicode, no NUL. */
  readonly name: string
  /** The exact number of bytes that `open` gives. */
  readonly sizeBytes: number
  open(signal?: AbortSignal): Promise<Readable>
  /** The bytes themselves, where they are at hand: then `open` is not called. Asked for once per attempt, when they are about to leave. */
  whole?(): Uint8Array
  /** As `open`, without a stream: then that is not called. A piece need be valid only until the next is asked for. */
  pieces?(signal?: AbortSignal): AsyncIterable<Buffer>
  /** Of the part. Default: by type and the name's extension. */
  readonly contentType?: string
}

export interface UploadFile extends ImageFile {
  readonly type: MediaType
}

export interface AttachmentFile extends UploadFile {
  /** What the media_id will be used for; it serves nothing else. Moments (朋友圈) take images and videos, no scene voice. */
  readonly attachment: Attachment
}

export interface ProviderFile extends UploadFile {
  /** For the cashier (收银台). Default: not. */
  readonly attachment?: 'cashier'
}

/** Random, so that no content can hold it. Within the 70 characters of RFC 2046. */
const randomBoundary = () => `----wecom-media-${randomUUID()}`

/** As browsers do it (WHATWG form data): the name stays raw UTF-8, only what would end the header is replaced. */
export const safeName = (name: string): string =>
  name.replace(/"/g, '%22').replace(/\r/g, '%0D').replace(/\n/g, '%0A')

/** What stands before and after the file's bytes. */
function frame(file: Part, boundary: string): { head: Buffer; tail: Buffer } {
  const { name, sizeBytes, contentType } = file
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="media"; filename="${safeName(name)}"; filelength=${sizeBytes}`,
    `Content-Type: ${contentType}`,
    '',
    '',
  ]
  return { head: Buffer.from(head.join('\r\n')), tail: Buffer.from(`\r\n--${boundary}--\r\n`) }
}

/** The one part of a body, its content type decided. */
type Part = ImageFile & { readonly contentType: string }

/** The body of media/upload and its variants. */
export const uploadBody = (file: UploadFile, boundary?: string): Body => bodyOf(file, file.type, boundary)

/** The body of media/uploadimg. */
export const imageBody = (file: ImageFile): Body => bodyOf(file, 'image')

const bodyOf = (file: ImageFile, type: MediaType, boundary?: string): Body =>
  multipart({ ...file, contentType: file.contentType ?? contentTypeOf(type, file.name) }, boundary)

/** A body of one part; throws `transient` when the source gives other bytes than promised. */
function multipart(file: Part, boundary: string = randomBoundary()): Body {
  const { head, tail } = frame(file, boundary)
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    lengthBytes: head.length + file.sizeBytes + tail.length,
    async open(signal) {
      const whole = file.whole?.()
      if (whole)
        return { chunks: once(Buffer.concat([head, exact(whole, file.sizeBytes), tail])), close() {} }
      if (file.pieces) return { chunks: parts(head, file.pieces(signal), file.sizeBytes, tail), close() {} }
      const source = await opened(file, signal)
      return { chunks: parts(head, source, file.sizeBytes, tail), close: () => source.destroy() }
    },
  }
}

/** In one piece: a small file is not worth a stream. */
async function* once(body: Buffer): AsyncGenerator<Buffer, void> {
  yield body
}

function exact(whole: Uint8Array, sizeBytes: number): Uint8Array {
  if (whole.length !== sizeBytes) throw changed(sizeBytes, `${whole.length}`)
  return whole
}

async function opened(file: ImageFile, signal: AbortSignal): Promise<Readable> {
  try {
    const source = await abortable(file.open(signal), signal, late => late.destroy())
    // An error before the first read would end the process; the reader below gets it all the same.
    return source.on('error', () => {})
  } catch (error) {
    signal.throwIfAborted()
    throw sourceFault(error)
  }
}

async function* parts(
  head: Buffer,
  source: AsyncIterable<Buffer>,
  sizeBytes: number,
  tail: Buffer,
): AsyncGenerator<Buffer, void> {
  yield head
  yield* exactly(source, sizeBytes)
  yield tail
}

/** The source's bytes, if there are exactly so many. */
async function* exactly(source: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer, void> {
  let readBytes = 0
  try {
    for await (const chunk of source) {
      readBytes += chunk.length
      if (readBytes > sizeBytes) throw changed(sizeBytes, 'more')
      yield chunk
    }
  } catch (error) {
    throw sourceFault(error)
  }
  if (readBytes < sizeBytes) throw changed(sizeBytes, `only ${readBytes}`)
}

const changed = (sizeBytes: number, what: string) =>
  new Fault(
    'transient',
    `the file gave ${what} bytes instead of the ${sizeBytes} announced; it changed while it was read: nothing was uploaded, try again when it is complete`,
  )

function sourceFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const cause = reduced(error)
  if (cause.code === 'ENOENT')
    return new Fault('not-found', 'the file to upload does not exist; check its path', { cause })
  return new Fault(
    'transient',
    `the file to upload cannot be read (${cause.code ?? cause.name}); try again`,
    { cause },
  )
}
