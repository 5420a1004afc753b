/**
 * Reading the answer of media/get: is it the file or an error? The order of the tests matters: a user's own JSON or
 * text must come through untouched, and an error must never be saved as a file (facts §3.3).
 */

import { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { isEncoded, isRefusal, type Look, lookAt, refusalIn, unreadable } from './answer.ts'
import type { HttpAnswer } from './call.ts'
import { type Disposition, parseDisposition } from './content-disposition.ts'
import { statusFault } from './errors.ts'
import { jsonObject } from './json.ts'

/** First and last byte, counted from 0; the end is inclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface Media {
  /** The whole file (HTTP 200), whatever range was asked for. */
  readonly whole: boolean
  /** The platform's name for it, decoded. Data, never a path; may be missing. */
  readonly name?: string
  readonly contentType?: string
  /** Length of `body` in bytes, when the platform said it. */
  readonly lengthBytes?: number
  /** Which part `body` is, and of how much (HTTP 206). */
  readonly range?: ByteRange & { readonly totalBytes: number }
  /** False when only the closing of the connection ends the body: a cut looks like an end, so never publish it. */
  readonly framed: boolean
  /** The bytes; its errors are Faults. Read it to its end or destroy it: it holds a connection. */
  readonly body: Readable
  /** The same bytes without copies, instead of reading `body`: each piece is good until the next is asked for. */
  pieces(): AsyncIterable<Buffer>
}

/** Errors are far smaller; a file that is smaller is looked at and handed on. */
const lookBytes = 8 * 1024

/** A reader for media/get; `asked` is the range in the request, if any. */
export const readMedia =
  (asked?: ByteRange) =>
  async (answer: HttpAnswer): Promise<Media> => {
    const { headers, status } = answer
    const disposition = parseDisposition(headers['content-disposition'])
    const isFile =
      !isRefusal(answer) &&
      !isEncoded(answer) &&
      (status === 206 || (status === 200 && disposition.isAttachment))
    if (isFile) return media(answer, disposition, asked)
    const look = await lookAt(answer.chunks, lookBytes)
    const fault = faultIn(answer, look)
    if (fault) throw fault
    return media(answer, disposition, asked, look.head)
  }

/** The fault that an unmarked answer is; undefined when it is a file after all. */
function faultIn(answer: HttpAnswer, { head, isWhole }: Look): Fault | undefined {
  const { method, status, headers } = answer
  const json = isWhole ? jsonObject(head) : undefined
  const refusal = refusalIn(answer, json)
  if (refusal) return refusal
  if (isEncoded(answer)) {
    return new Fault(
      'rejected',
      `${method}: the file came compressed although that was refused; check the proxy`,
    )
  }
  if (status !== 200) return statusFault(method, status, true)
  // Files come as attachments (official sample); without that mark, a page or a broken JSON is no file.
  const type = headers['content-type'] ?? ''
  if (/^text\/html\b/i.test(type)) return unreadable(answer, 'is a web page')
  if (/^application\/json\b/i.test(type) && json === undefined) return unreadable(answer, 'is broken JSON')
  if (isWhole && head.length === 0) return unreadable(answer, 'is empty')
  return undefined
}

function media(answer: HttpAnswer, { name }: Disposition, asked?: ByteRange, head?: Buffer): Media {
  const { headers, status } = answer
  const length = headers['content-length']
  const range = status === 206 ? rangeOf(answer, asked) : undefined
  const contentType = headers['content-type']
  return {
    whole: range === undefined,
    framed: length !== undefined || /\bchunked\b/i.test(headers['transfer-encoding'] ?? ''),
    ...(name !== undefined && { name }),
    ...(contentType !== undefined && { contentType }),
    ...(length !== undefined && { lengthBytes: Number(length) }),
    ...(range && { range }),
    ...bytes(answer, head),
  }
}

/** `Content-Range` read strictly: it must begin where asked, not go beyond, and agree with the length. */
function rangeOf(answer: HttpAnswer, asked?: ByteRange): ByteRange & { totalBytes: number } {
  const header = answer.headers['content-range'] ?? ''
  const [, start, end, totalBytes] = (/^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header) ?? []).map(
    Number,
  )
  if (start === undefined || end === undefined || totalBytes === undefined) {
    throw unreadable(answer, 'has no valid Content-Range')
  }
  const length = answer.headers['content-length']
  const isRight =
    start <= end && end < totalBytes && (length === undefined || Number(length) === end - start + 1)
  if (!isRight) throw unreadable(answer, 'has a Content-Range that contradicts itself')
  if (start !== asked?.start || end > asked.end) throw unreadable(answer, 'is another range than asked for')
  return { start, end, totalBytes }
}

function bytes(answer: HttpAnswer, head: Buffer = Buffer.alloc(0)): Pick<Media, 'body' | 'pieces'> {
  async function* pieces() {
    if (head.length > 0) yield head
    yield* answer.chunks
  }
  async function* copies() {
    for await (const piece of pieces()) yield Buffer.from(piece)
  }
  const body = Readable.from(copies(), { objectMode: false })
  // A generator that was never started runs no `finally`: this is what lets go of an unread body.
  body.once('close', () => answer.cancel())
  return { body, pieces }
}
