/**
 * The public listener. What it reads comes from strangers: every size and time is bounded here, and bodies are handed on
 * as the bytes they are.
 */

import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { type ApiParts, mountApi } from './api.ts'
import { type CallbackRoutes, mountCallbacks } from './callback.ts'

export interface PublicServer {
  readonly url: string
  close(): Promise<void>
}

/** What is there; a path that is not gets 404. */
export interface PublicRoutes {
  readonly callbacks?: CallbackRoutes | undefined
  readonly api?: ApiParts | undefined
}

/** Milliseconds. The platform itself gives up after 5 s. */
const times = { request: 10_000, headers: 10_000, idle: 30_000, look: 1_000 }
const headersMaxBytes = 16 * 1024
const requestsPerSocket = 1_000
const connectionsMax = 1_000

const guarded = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

/** `port` 0 takes a free one. Rejects when the address is in use. */
export async function servePublic(
  { host, port }: { readonly host: string; readonly port: number },
  { callbacks, api }: PublicRoutes,
): Promise<PublicServer> {
  const server = fastify({
    exposeHeadRoutes: false,
    requestTimeout: times.request,
    keepAliveTimeout: times.idle,
    forceCloseConnections: true,
    http: {
      headersTimeout: times.headers,
      connectionsCheckingInterval: times.look,
      maxHeaderSize: headersMaxBytes,
    },
    // Its own answer to a URL that can't be read would repeat it.
    frameworkErrors: (_error, _request, reply) => {
      callbacks?.onUnreadable()
      reply.raw.writeHead(400, { ...guarded, 'content-length': 0 }).end()
    },
    // A plus is a plus: in Base64 it is no space.
    routerOptions: { querystringParser: text => parametersIn(text), maxParamLength: 200 },
  })
  server.server.maxRequestsPerSocket = requestsPerSocket
  server.server.maxConnections = connectionsMax
  server.addHook('onSend', async (_request, reply) => {
    reply.headers(guarded)
  })
  server.setNotFoundHandler((_request, reply) => reply.code(404).send())
  if (callbacks) mountCallbacks(server, callbacks)
  if (api) mountApi(server, api)
  await server.listen({ host, port })
  const { port: bound, family, address } = server.server.address() as AddressInfo
  const name = family === 'IPv6' ? `[${address}]` : address
  return { url: `http://${name}:${bound}`, close: () => server.close() }
}

/** A parameter that comes twice is a list, so that nobody can take the one for the other. */
function parametersIn(text: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(text.replaceAll('+', '%2B'))
  return Object.fromEntries(
    [...new Set(parameters.keys())].map(name => {
      const values = parameters.getAll(name)
      return [name, values.length > 1 ? values : (values[0] ?? '')]
    }),
  )
}
