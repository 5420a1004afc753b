/**
 * Reading an answer that is JSON, and finding the platform's errcode in any answer. By header and number, never by
 * message; bounded, because what answers need not be the platform.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { ZodType } from 'zod'
import type { Fault } from '../fault.ts'
import type { HttpAnswer } from './call.ts'
import { errcodeFault, lost, statusFault } from './errors.ts'
import { type JsonObject, jsonObject } from './json.ts'

/** No reply of the media methods comes near this. */
const replyMaxBytes = 64 * 1024

export interface Look {
  readonly head: Buffer
  /** The body ended within the look. */
  readonly isWhole: boolean
}

/** Reads up to `maxBytes`, and perhaps the rest of one chunk; what was read stays in `head`. */
export async function lookAt(chunks: AsyncIterator<Buffer, void>, maxBytes: number): Promise<Look> {
  const read: Buffer[] = []
  let lengthBytes = 0
  while (lengthBytes <= maxBytes) {
    const next = await chunks.next()
    if (next.done) return { head: Buffer.concat(read), isWhole: true }
    read.push(Buffer.from(next.value))
    lengthBytes += next.value.length
  }
  return { head: Buffer.concat(read), isWhole: false }
}

/** An answer came and says nothing we understand: what the call did is open. */
export const unreadable = (answer: HttpAnswer, what: string): Fault =>
  lost(
    answer.method,
    `the answer ${what}; is the base URL right, and no login page or proxy in between`,
    answer.bodySent,
  )

const headerErrcode = ({ 'error-code': value }: IncomingHttpHeaders): number | undefined =>
  typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : undefined

/** The fault in an answer, if it is a refusal: by the `Error-Code` header, else by a numeric `errcode` in its JSON. */
export function refusalIn(answer: HttpAnswer, json: JsonObject | undefined): Fault | undefined {
  const code = headerErrcode(answer.headers) || json?.['errcode']
  if (typeof code !== 'number' || !Number.isSafeInteger(code) || code === 0) return undefined
  const errmsg = json?.['errmsg'] ?? answer.headers['error-msg']
  return errcodeFault(answer.method, code, typeof errmsg === 'string' ? errmsg : '')
}

/** Is the answer marked as a refusal by its header? */
export const isRefusal = ({ headers }: HttpAnswer): boolean => Boolean(headerErrcode(headers))

/** We ask for identity; a body that is encoded all the same is never expanded (a bomb could be in it). */
export const isEncoded = ({ headers }: HttpAnswer): boolean =>
  !['', 'identity'].includes((headers['content-encoding'] ?? '').toLowerCase())

/**
 * A reader for methods that answer with JSON. Extra fields are fine and a missing errcode is success (facts §1.2);
 * an answer that cannot be understood, compressed ones included, is what the method calls a lost one.
 */
export const readReply =
  <T>(schema: ZodType<T>) =>
  async (answer: HttpAnswer): Promise<T> => {
    const { head, isWhole } = await lookAt(answer.chunks, replyMaxBytes)
    const json = isWhole ? jsonObject(head) : undefined
    const refusal = refusalIn(answer, json)
    if (refusal) throw refusal
    if (answer.status !== 200) throw statusFault(answer.method, answer.status, answer.bodySent)
    if (json === undefined) throw unreadable(answer, 'is no JSON object')
    const errcode = json['errcode'] ?? 0
    const parsed = schema.safeParse(json)
    if (errcode !== 0 || !parsed.success) throw unreadable(answer, 'lacks what it must have')
    return parsed.data
  }
