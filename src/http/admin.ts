/** The admin listener: metrics and health, for people and machines inside. Loopback unless told otherwise; nothing public. */

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AdminPages {
  /** The metrics page in Prometheus text format. */
  readonly metrics: () => Promise<{ readonly body: string; readonly contentType: string }>
  /** Whether work can be done now; the text says what is missing. */
  readonly ready: () => Promise<{ readonly ok: boolean; readonly text: string }>
}

export interface AdminServer {
  readonly url: string
  close(): Promise<void>
}

/** `port` 0 takes a free one. Rejects when the address is in use. */
export async function serveAdmin(
  { host, port }: { host: string; port: number },
  pages: AdminPages,
): Promise<AdminServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const page = request.method === 'GET' ? (request.url ?? '').split('?')[0] : undefined
    answer(page, pages, response).catch(() => send(response, 500, 'internal error\n'))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  const { port: bound, family, address } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`,
    close: () => closed(server),
  }
}

async function answer(
  page: string | undefined,
  { metrics, ready }: AdminPages,
  response: ServerResponse,
): Promise<void> {
  // Alive means that the loop turns; it must not depend on Redis, or an outage there restarts every worker.
  if (page === '/livez') return send(response, 200, 'ok\n')
  if (page === '/readyz') {
    const { ok, text } = await ready()
    return send(response, ok ? 200 : 503, `${text}\n`)
  }
  if (page !== '/metrics') return send(response, 404, 'pages: /metrics /livez /readyz\n')
  const { body, contentType } = await metrics()
  send(response, 200, body, contentType)
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => server.close(() => resolve()))
}
