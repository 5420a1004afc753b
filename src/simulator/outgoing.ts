/** One HTTP request of the simulator to somebody else: a connection of its own, no redirects, nothing decoded. */

import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface Outgoing {
  readonly method: 'GET' | 'POST'
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal
  /** Ends it when nothing moves for so long. Default: never. */
  readonly idleMs?: number
}

/** Resolves with the head of the answer; rejects with the connection's error, or for a URL that is none of http(s). */
export async function ask(
  url: string,
  { method, headers = {}, body, signal, idleMs }: Outgoing,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  // Without an agent no connection is kept, so none hinders the end of whoever is at its other side.
  const request = send(url, { method, headers, signal, agent: false }, resolve)
  request.on('error', reject)
  if (idleMs !== undefined) request.setTimeout(idleMs, () => request.destroy(new Error('nothing came')))
  request.end(body)
  return promise
}

/** The text of an answer, as far as `maxBytes`; the rest ends with the connection. */
export async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes >= maxBytes) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBytes)
}
