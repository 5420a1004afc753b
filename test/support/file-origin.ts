/** A well-behaved web server for sources: serves bytes with Range, and counts who asked. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { atEnd } from './at-end.ts'

export interface FileOrigin {
  readonly port: number
  url(path: string): string
  /** Adds or replaces what lies under a path; a function decides for each request, counted from 1. */
  put(path: string, content: Buffer | ((nth: number) => Buffer | undefined)): string
  /** Paths in the order of the requests. */
  readonly asked: string[]
}

export interface FileOriginOptions {
  /** Default true. */
  readonly ranges?: boolean
}

export async function startFileOrigin({ ranges = true }: FileOriginOptions = {}): Promise<FileOrigin> {
  const files = new Map<string, (nth: number) => Buffer | undefined>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '')
    asked.push(path)
    const nth = asked.filter(each => each === path).length
    answer(files.get(path)?.(nth), request, response, ranges)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const url = (path: string): string => `http://127.0.0.1:${port}${encodeURI(path)}`
  return {
    port,
    url,
    asked,
    put(path, content) {
      files.set(path, typeof content === 'function' ? content : () => content)
      return url(path)
    },
  }
}

function answer(
  content: Buffer | undefined,
  { headers, method }: IncomingMessage,
  response: ServerResponse,
  ranges: boolean,
): void {
  if (!content) return void response.writeHead(404).end()
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  const type = { 'Content-Type': 'application/octet-stream' }
  if (!ranges || start === undefined) {
    response.writeHead(200, { ...type, 'Content-Length': content.length })
    return void response.end(method === 'HEAD' ? undefined : content)
  }
  const last = Math.min(end ? Number(end) : content.length - 1, content.length - 1)
  const slice = content.subarray(Number(start), last + 1)
  const range = { 'Accept-Ranges': 'bytes', 'Content-Range': `bytes ${start}-${last}/${content.length}` }
  response.writeHead(206, { ...type, ...range, 'Content-Length': slice.length })
  response.end(slice)
}
