/** The admin listener: metrics, health and the board, for people and machines inside. Loopback unless told otherwise; nothing public. */

import { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, fastify } from 'fastify'
import { bounded, type ConnectionTimes, listenAt } from './listen.ts'

export interface AdminPages {
  /** The metrics page in Prometheus text format. */
  readonly metrics: () => Promise<{ readonly body: string; readonly contentType: string }>
  /** Whether work can be done now; the text says what is missing. */
  readonly ready: () => Promise<{ readonly ok: boolean; readonly text: string }>
  /** The dashboard, under its own path; it keeps its own door. */
  readonly board?: { readonly path: string; readonly mount: FastifyPluginAsync }
}

export interface AdminServer {
  readonly url: string
  close(): Promise<void>
}

const usual: ConnectionTimes = { request: 10_000, headers: 10_000, idle: 30_000, look: 1_000 }
const bodyMaxBytes = 16 * 1024
const connectionsMax = 200

const guarded = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** `port` 0 takes a free one. Rejects when the address is in use. */
export async function serveAdmin(
  address: { readonly host: string; readonly port: number },
  pages: AdminPages,
  changed: Partial<ConnectionTimes> = {},
): Promise<AdminServer> {
  const server = fastify({
    ...bounded({ ...usual, ...changed }, guarded),
    bodyLimit: bodyMaxBytes,
    forceCloseConnections: true,
  })
  server.server.maxConnections = connectionsMax
  await mountPages(server, pages)
  return { url: await listenAt(server, address), close: () => server.close() }
}

async function mountPages(server: FastifyInstance, { metrics, ready, board }: AdminPages): Promise<void> {
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(guarded)
  })
  // Alive means that the loop turns; it must not depend on Redis, or an outage there restarts every worker.
  server.get('/livez', (_request, reply) => text(reply, 200, 'ok'))
  server.get('/readyz', async (_request, reply) => {
    const { ok, text: why } = await ready()
    return text(reply, ok ? 200 : 503, why)
  })
  server.get('/metrics', async (_request, reply) => {
    const { body, contentType } = await metrics()
    return reply.type(contentType).send(body)
  })
  if (board) await server.register(board.mount, { prefix: board.path })
  const known = ['/metrics', '/livez', '/readyz', ...(board ? [board.path] : [])]
  server.setNotFoundHandler((_request, reply) => text(reply, 404, `pages: ${known.join(' ')}`))
  // What went wrong may name things that are nobody's business.
  server.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    return text(reply, status, status < 500 ? 'this request cannot be read' : 'internal error')
  })
}

const text = (reply: FastifyReply, status: number, line: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(`${line}\n`)
