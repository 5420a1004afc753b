/** A platform that answers what a test says: gettoken works, everything else is the test's handler. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Client,
  type ClientSettings,
  createClient,
  type SecretCredentials,
} from '../../src/wecom/index.ts'
import { atEnd } from '../support/at-end.ts'

export const token = 'token-canary-0123456789'
export const secret = 'secret-canary-0123456789abcdefghijklmnopqrs'

export interface Seen {
  readonly method: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  body: Buffer
}

export interface Origin {
  readonly baseUrl: string
  /** Calls in the order of their arrival; the body as far as it came. */
  readonly seen: Seen[]
  readonly count: (method: string) => number
  client(options?: TestOptions): Client
}

/** Of every kind that has a secret. */
export type TestOptions = Partial<ClientSettings & SecretCredentials>

export type Handler = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void

/** Reads the body before the handler is asked, unless the handler wants it otherwise; so with gettoken. */
export async function startOrigin(
  handler: Handler,
  { readBody = true, givesTokens = true } = {},
): Promise<Origin> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://origin')
    const method = pathname.replace('/cgi-bin/', '')
    const entry: Seen = { method, query, headers: request.headers, body: Buffer.alloc(0) }
    seen.push(entry)
    request.on('error', () => {})
    if (givesTokens && method === 'gettoken')
      return void reply(response, { errcode: 0, access_token: token, expires_in: 7200 })
    if (!readBody) return handler(request, response, entry)
    request.on('data', chunk => (entry.body = Buffer.concat([entry.body, chunk])))
    request.on('end', () => handler(request, response, entry))
  })
  server.requestTimeout = 0
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cgi-bin`
  return {
    baseUrl,
    seen,
    count: method => seen.filter(call => call.method === method).length,
    client: options => testClient({ baseUrl, secret, ...options }),
  }
}

/** A client that repeats at once and is closed with the test. */
export function testClient(options: TestOptions & { readonly baseUrl: string }): Client {
  const client = createClient({ corpId: 'ww_corp', secret, retry: { firstWaitMs: 1 }, ...options })
  atEnd(() => client.close())
  return client
}

export function reply(response: ServerResponse, json: unknown): void {
  const body = typeof json === 'string' ? json : JSON.stringify(json)
  response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' }).end(body)
}

export const accepted = { errcode: 0, errmsg: '', type: 'file', media_id: '1abc', created_at: '1700000000' }
