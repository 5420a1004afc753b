/** A web server for the demo: gives the files of one folder, and parts of them, as a store behind an async upload must. */

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface Origin {
  readonly port: number
  urlOf(name: string): string
  close(): Promise<void>
}

/** On a free port of loopback. */
export async function startOrigin(folder: string): Promise<Origin> {
  const server = createServer((request, response) => {
    answer(folder, request, response).catch(() =>
      response.headersSent ? response.destroy() : response.writeHead(404).end(),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    urlOf: name => `http://127.0.0.1:${port}/${encodeURIComponent(name)}`,
    close() {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = join(folder, basename(decodeURIComponent(request.url ?? '')))
  const found = await stat(path)
  if (!found.isFile()) return void response.writeHead(404).end()
  const { size, mtimeMs } = found
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const start = Number(first ?? 0)
  const end = Math.min(last ? Number(last) : size - 1, size - 1)
  if (start > end) return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
  const headers = { 'content-length': end - start + 1, etag: `"${size}-${Math.round(mtimeMs)}"` }
  if (first === undefined) response.writeHead(200, headers)
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${size}` })
  await pipeline(createReadStream(path, { start, end }), response)
}
