/** What both listeners have alike: bounds on connections, an answer to what can't even be read, and their own address. */

import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** Milliseconds. */
export interface ConnectionTimes {
  /** For the whole request, and for its head. */
  readonly request: number
  readonly headers: number
  /** Between two requests of a connection. */
  readonly idle: number
  /** Between two looks for what is too slow. */
  readonly look: number
}

const headersMaxBytes = 16 * 1024

/** For `fastify`. `onUnreadable`: a URL that can't be read; the framework's own answer to it would repeat it. */
export const bounded = (
  { request, headers, idle, look }: ConnectionTimes,
  answerHeaders: Readonly<Record<string, string>>,
  onUnreadable: () => void = () => undefined,
) => ({
  exposeHeadRoutes: false,
  requestTimeout: request,
  keepAliveTimeout: idle,
  http: { headersTimeout: headers, connectionsCheckingInterval: look, maxHeaderSize: headersMaxBytes },
  frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
    onUnreadable()
    reply.raw.writeHead(400, { ...answerHeaders, 'content-length': 0 }).end()
  },
})

/** The URL that it listens at; `port` 0 takes a free one. Rejects when the address is in use. */
export async function listenAt(
  server: FastifyInstance,
  at: { readonly host: string; readonly port: number },
): Promise<string> {
  await server.listen(at)
  const { port, family, address } = server.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
