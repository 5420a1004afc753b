/** What a call is answered with, before any fault spoils it. */

import type { Act } from './faults.ts'
import type { Switches } from './options.ts'
import type { Refusal } from './refusal.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Of the body; also the Content-Length. */
  readonly sizeBytes: number
  readonly body: Iterable<Buffer> | AsyncIterable<Buffer>
  /** For the log; absent for answers without one, such as files. */
  readonly errcode?: number
}

const jsonType = 'application/json; charset=UTF-8'

export function bytesReply(status: number, contentType: string | undefined, text: string): Reply {
  const body = Buffer.from(text)
  const headers = contentType === undefined ? {} : { 'Content-Type': contentType }
  return { status, headers, sizeBytes: body.length, body: body.length > 0 ? [body] : [] }
}

export const jsonReply = (status: number, value: unknown): Reply =>
  bytesReply(status, jsonType, JSON.stringify(value))

/** An answer in the platform's shape: HTTP 200, and the code in the headers too. */
export function platformReply(errcode: number, errmsg: string, fields: Record<string, unknown> = {}): Reply {
  const reply = jsonReply(200, { errcode, errmsg, ...fields })
  const headers = { ...reply.headers, 'Error-Code': `${errcode}`, 'Error-Msg': errmsg || 'ok' }
  return { ...reply, headers, errcode }
}

/** The same without a code in the body, where the switch does not ask for one: its absence means success. */
export function serviceReply(fields: Record<string, unknown>, switches: Switches): Reply {
  const reply = platformReply(0, 'ok', fields)
  if (switches.errcodeOnServiceTokens) return reply
  const { sizeBytes, body } = jsonReply(200, fields)
  return { ...reply, sizeBytes, body }
}

/** The errmsg shape of production (sample in p/98988); the hint is 10 digits of time and 9 of the call. */
export function refusalReply(refusal: Refusal, ip: string, nowMs: number, callId: number): Reply {
  const { errcode, message } = refusal
  const hint = `${Math.floor(nowMs / 1000)}${`${callId}`.padStart(9, '0')}`
  const link = `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`
  return platformReply(errcode, `${message}, hint: [${hint}], from ip: ${ip}, more info at ${link}`)
}

/** What a proxy in between would say. */
export function htmlReply({ status = 502 }: Extract<Act, { do: 'html' }>): Reply {
  const title = `${status} Simulated Gateway`
  const page = `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`
  return bytesReply(status, 'text/html', page)
}

/** An answer without a body, errcode or type. */
export const emptyBody = ({ status }: Reply): Reply => bytesReply(status, undefined, '')

export const invalidJson = ({ status }: Reply, { text }: Extract<Act, { do: 'invalid-json' }>): Reply =>
  bytesReply(status, jsonType, text ?? '{"errcode":0,"errmsg":"o')

/** Other positions or another total in Content-Range than what is sent; unchanged where there is none. */
export function wrongContentRange(reply: Reply, act: Extract<Act, { do: 'wrong-content-range' }>): Reply {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(reply.headers['Content-Range'] ?? '')
  if (!match) return reply
  const [start, end, total] = match.slice(1).map(Number) as [number, number, number]
  const shift = act.shiftBytes ?? (act.totalBytes === undefined ? 1 : 0)
  const range = `bytes ${start + shift}-${end + shift}/${act.totalBytes ?? total}`
  return { ...reply, headers: { ...reply.headers, 'Content-Range': range } }
}
