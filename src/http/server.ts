/**
 * The public listener. What it reads comes from strangers: every size and time is bounded here, and bodies are handed on
 * as the bytes they are.
 */

import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { type Clock, endsWithin, systemClock } from '../clock.ts'
import { type ApiParts, mountApi } from './api.ts'
import { bodyMaxBytes } from './body.ts'
import { type BodyWatch, type Pace, watchBodies } from './body-watch.ts'
import { type CallbackRoutes, mountCallbacks } from './callback.ts'
import { bounded, listenAt } from './listen.ts'

export interface PublicServer {
  readonly url: string
  close(): Promise<void>
}

/** What is there; a path that is not gets 404. */
export interface PublicRoutes {
  readonly callbacks?: CallbackRoutes | undefined
  readonly api?: ApiParts | undefined
}

/** Milliseconds. */
export interface Times {
  /** For a body of JSON or a callback. The platform itself gives up after 5 s. */
  readonly body: number
  /** For the bytes of a file, which also have to keep a speed. */
  readonly upload: number
  readonly headers: number
  /** Between two requests of a connection. */
  readonly idle: number
  /** Between two looks for what is too slow. */
  readonly look: number
  /** Requests that are under way when the process is about to end. */
  readonly drain: number
}

const usual: Times = {
  ...{ body: 10_000, upload: 1_800_000, headers: 10_000, idle: 30_000, look: 1_000, drain: 5_000 },
}
/** 20 MiB in 22 minutes: slower than any phone network that works. */
const uploadBytesPerSecond = 16 * 1024
const requestsPerSocket = 1_000
const connectionsMax = 1_000

/** What is refused for its size is read on so far, for the answer to arrive. */
const otherMaxBytes = 1024 * 1024

const guarded = {
  ...{ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
}

/** `port` 0 takes a free one. Rejects when the address is in use. */
export async function servePublic(
  address: { readonly host: string; readonly port: number },
  { callbacks, api }: PublicRoutes,
  { clock = systemClock, ...changed }: Partial<Times> & { readonly clock?: Clock } = {},
): Promise<PublicServer> {
  const times = { ...usual, ...changed }
  const closing = new AbortController()
  const server = fastify({
    // The watch has shorter times; the upload's is the last.
    ...bounded({ ...times, request: times.upload }, guarded, callbacks?.onUnreadable),
    forceCloseConnections: 'idle',
    // A plus is a plus: in Base64 it is no space.
    routerOptions: { querystringParser: text => parametersIn(text), maxParamLength: 200 },
  })
  server.server.maxRequestsPerSocket = requestsPerSocket
  server.server.maxConnections = connectionsMax
  const watch = watchBodies(clock, times.look)
  server.addHook('onRequest', async (request, reply) => {
    watch.add(request.raw, reply.raw, paceOf(request, times))
  })
  server.addHook('onSend', async (_request, reply) => {
    reply.headers({
      ...guarded,
      ...reply.getHeaders(),
      ...(closing.signal.aborted && { connection: 'close' }),
    })
  })
  server.setNotFoundHandler((_request, reply) => reply.code(404).send())
  if (callbacks) mountCallbacks(server, callbacks)
  if (api) mountApi(server, api)
  return {
    url: await listenAt(server, address),
    close: () => drained(server, closing, watch, { clock, drainMs: times.drain }),
  }
}

/** Requests that are under way end by themselves, or after a while with their connections. */
async function drained(
  server: FastifyInstance,
  closing: AbortController,
  watch: BodyWatch,
  { clock, drainMs }: { readonly clock: Clock; readonly drainMs: number },
): Promise<void> {
  closing.abort()
  const closed = server.close()
  await endsWithin(closed, drainMs, clock)
  watch.close()
  server.server.closeAllConnections()
  await closed
}

function paceOf({ routeOptions }: FastifyRequest, { body, upload }: Times): Pace {
  const { takesBytes = false } = routeOptions.config as { readonly takesBytes?: boolean }
  return takesBytes
    ? { totalMs: upload, bytesPerSecond: uploadBytesPerSecond, maxBytes: 2 * bodyMaxBytes }
    : { totalMs: body, bytesPerSecond: 0, maxBytes: otherMaxBytes }
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
