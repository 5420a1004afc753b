/** Calls of the platform as plain HTTP, and what every answer of it has in common. */

import { expect } from 'vitest'
import { multipart } from '../simulator/wire.ts'
import type { Platform } from './platform.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

type Fields = Readonly<Record<string, string>>

export const get = async (platform: Platform, method: string, query: Fields, headers: Fields = {}) =>
  answered(await fetch(urlOf(platform, method, query), { headers }))

export const post = async (platform: Platform, method: string, query: Fields, body: unknown) =>
  answered(
    await fetch(urlOf(platform, method, query), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  )

export interface Sent {
  readonly content: Uint8Array | string
  /** The whole Content-Disposition of the part; its bytes are UTF-8. */
  readonly disposition?: string
  /** Of the part. */
  readonly type?: string
}

/** One part, as the official sample has it. */
export async function postFile(
  platform: Platform,
  method: string,
  query: Fields,
  { content, disposition = 'form-data; name="media"; filename="contract.bin"', type }: Sent,
): Promise<Answer> {
  const body = multipart(content, disposition, type)
  const boundary = body.toString('latin1', 2, body.indexOf('\r\n'))
  const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
  return answered(await fetch(urlOf(platform, method, query), { method: 'POST', headers, body }))
}

const urlOf = ({ baseUrl }: Platform, method: string, query: Fields): string =>
  `${baseUrl}/${method}?${new URLSearchParams(query)}`

async function answered(response: Response): Promise<Answer> {
  const body = Buffer.from(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, body }
}

/** The JSON of an answer of the API: always HTTP 200, and its code in a header too where that is there (facts §3.3). */
export function jsonOf({ status, headers, body }: Answer): Record<string, unknown> {
  expect(status).toBe(200)
  expect(headers.get('content-type')).toMatch(/^(application\/json|text\/plain)/)
  const json: Record<string, unknown> = JSON.parse(body.toString())
  const code = headers.get('error-code')
  if (code !== null) expect(code).toBe(`${json['errcode'] ?? 0}`)
  return json
}

/** The fields of a success. Its `errmsg` may be empty or "ok", and some methods leave out `errcode` (facts §1.2). */
export function successOf(answer: Answer): Record<string, unknown> {
  const json = jsonOf(answer)
  expect(json['errcode'] ?? 0, String(json['errmsg'])).toBe(0)
  return json
}

/** A refusal with one of these codes: where the manual does not tell which, all of its class are right (facts §12). */
export function refusedWith(answer: Answer, ...codes: readonly number[]): void {
  const { errcode, errmsg } = jsonOf(answer)
  expect(codes, String(errmsg)).toContain(errcode)
}

const tokens = new Map<Platform, Promise<string>>()

/** The app's token, asked for once: the platform throttles `gettoken`. */
export function tokenOf(platform: Platform): Promise<string> {
  const { corpId, secret } = platform
  const ask = async () =>
    String(successOf(await get(platform, 'gettoken', { corpid: corpId, corpsecret: secret }))['access_token'])
  const token = tokens.get(platform) ?? ask()
  tokens.set(platform, token)
  return token
}

/** A temporary medium of the type `file`; answers its media_id. */
export async function uploaded(platform: Platform, sent: Sent): Promise<string> {
  const query = { access_token: await tokenOf(platform), type: 'file' }
  return String(successOf(await postFile(platform, 'media/upload', query, sent))['media_id'])
}

/** Seconds, as text or as a number (facts §1.1), and now. */
export function expectNow(createdAt: unknown): void {
  expect(String(createdAt)).toMatch(/^\d{10}$/)
  expect(Math.abs(Number(createdAt) * 1000 - Date.now())).toBeLessThan(600_000)
}
