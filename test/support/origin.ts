/**
 * A hostile HTTP origin on a raw socket: it understands requests and lets a script write the answer byte by byte,
 * so that it can say what no server library would. It passes for the platform: gettoken gets a token.
 */

import { createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { atEnd } from './at-end.ts'

export interface Ask {
  /** From 0, requests for tokens not counted. */
  readonly index: number
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** Both ends inclusive; of `bytes=a-b` only. */
  readonly range?: { readonly start: number; readonly end: number }
}

/** Writes the answer; nothing is added to it, and the connection stays open unless the script ends it. */
export type Script = (ask: Ask, socket: Socket) => unknown

export interface Origin {
  /** With `/cgi-bin`, as a client of the platform wants it. */
  readonly baseUrl: string
  readonly port: number
  readonly asks: readonly Ask[]
}

/** A status line and headers, as written. */
export const head = (status: string, ...headers: readonly string[]): string =>
  `HTTP/1.1 ${[status, ...headers].join('\r\n')}\r\n\r\n`

/** Writes and waits until the system has taken it, so that a reset that follows does not overtake it. */
export const send = (socket: Socket, ...parts: readonly (string | Uint8Array)[]): Promise<void> =>
  new Promise(resolve => {
    const all = Buffer.concat(
      parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
    )
    socket.write(all, () => resolve())
  })

/** A connection reset, after what was sent has surely been read. */
export const reset = async (socket: Socket): Promise<void> => {
  await delay(20)
  socket.resetAndDestroy()
}

const tokenReply = JSON.stringify({
  errcode: 0,
  errmsg: 'ok',
  access_token: 'origin-token',
  expires_in: 7200,
})
const tokenAnswer = `${head('200 OK', 'Content-Type: application/json', `Content-Length: ${tokenReply.length}`)}${tokenReply}`

const asked = (text: string, index: number): Ask => {
  const [first = '', ...lines] = text.split('\r\n')
  const [method = '', target = ''] = first.split(' ')
  const url = new URL(target, 'http://origin')
  const headers = new Map(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.get('range') ?? '') ?? []
  const range = start === undefined ? {} : { range: { start: Number(start), end: Number(end) } }
  return { index, method, path: url.pathname, query: url.searchParams, headers, ...range }
}

/** Finds the requests in what a connection sends; bodies with a length are skipped. */
const requestsOf = (onHead: (text: string) => void) => {
  let kept = Buffer.alloc(0)
  let skipBytes = 0
  return (chunk: Buffer): void => {
    kept = Buffer.concat([kept, chunk])
    for (;;) {
      const skipped = Math.min(skipBytes, kept.length)
      skipBytes -= skipped
      kept = kept.subarray(skipped)
      const end = kept.indexOf('\r\n\r\n')
      if (skipBytes > 0 || end < 0) return
      const text = kept.toString('latin1', 0, end)
      kept = kept.subarray(end + 4)
      skipBytes = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0)
      onHead(text)
    }
  }
}

/** Starts on a free port of loopback; closed with the test. */
export const startOrigin = async (script: Script, host = '127.0.0.1'): Promise<Origin> => {
  const asks: Ask[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    const onHead = (text: string): void => {
      const ask = asked(text, asks.length)
      if (ask.path.endsWith('/gettoken')) {
        socket.write(tokenAnswer)
        return
      }
      asks.push(ask)
      void script(ask, socket)
    }
    socket.on('data', requestsOf(onHead))
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  atEnd(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { baseUrl: `http://${host}:${port}/cgi-bin`, port, asks }
}
