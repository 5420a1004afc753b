/**
 * A platform that costs next to nothing, so that what is measured is not it: it counts bytes, parses no multipart, and
 * answers every upload with a media_id and every get with the bytes asked for. Both sides of a comparison talk to it.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { answer, cpuMs } from './children.ts'

/** What `media/get` gives, by media_id `size-<bytes>`; the content does not matter, but costs nothing to make. */
const content = Buffer.alloc(20 * 1024 * 1024, 'wecom-media bench ')
const chunkBytes = 1024 * 1024

/** Arrivals of uploads' heads in the order of coming, ms since 1970, and the number in each file's name. */
let arrivals: { readonly name: number; readonly atMs: number }[] = []
let calls: Record<string, number> = {}
/** 0 for none; else each connection gets so many bytes a second. */
let bytesPerSecond = 0
/** Between an upload's last byte and its answer, ms: what the real platform takes. */
let answerMs = 0
let enough: { readonly count: number; readonly resolve: (value: unknown) => void } | undefined

const nowMs = (): number => performance.timeOrigin + performance.now()

function reply(socket: Socket, value: object): void {
  const body = JSON.stringify({ errcode: 0, errmsg: 'ok', ...value })
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function uploaded(socket: Socket, name: number, atMs: number): void {
  arrivals.push({ name, atMs })
  const now = Math.floor(Date.now() / 1_000)
  const accepted = { type: 'file', media_id: `stub-${name}-${arrivals.length}`, created_at: String(now) }
  if (answerMs === 0) reply(socket, accepted)
  else setTimeout(() => reply(socket, accepted), answerMs)
  if (enough && arrivals.length >= enough.count) {
    enough.resolve(arrivals.length)
    enough = undefined
  }
}

const room = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    const go = (): void => {
      socket.off('drain', go).off('close', go)
      resolve()
    }
    socket.on('drain', go).on('close', go)
  })

async function send(socket: Socket, path: string, head: string): Promise<void> {
  const totalBytes = Number(/media_id=size-(\d+)/.exec(path)?.[1] ?? 0)
  const [, from, to] = /\r\nrange: bytes=(\d+)-(\d+)/i.exec(head) ?? []
  const start = Number(from ?? 0)
  const end = Math.min(Number(to ?? totalBytes), totalBytes - 1)
  const range = from === undefined ? '' : `Content-Range: bytes ${start}-${end}/${totalBytes}\r\n`
  socket.write(
    `HTTP/1.1 ${from === undefined ? '200 OK' : '206 Partial Content'}\r\nContent-Type: application/octet-stream\r\n` +
      `Content-Disposition: attachment; filename="big.bin"\r\n${range}Content-Length: ${end - start + 1}\r\n\r\n`,
  )
  const stepMs = 5
  const stepBytes = bytesPerSecond > 0 ? (bytesPerSecond * stepMs) / 1_000 : chunkBytes
  const sinceMs = performance.now()
  for (let at = start; at <= end && !socket.destroyed; ) {
    const bytes = Math.min(stepBytes, end - at + 1)
    const isRoom = socket.write(content.subarray(0, bytes))
    at += bytes
    if (bytesPerSecond > 0) {
      const dueMs = sinceMs + ((at - start) / bytesPerSecond) * 1_000
      await new Promise(resolve => setTimeout(resolve, Math.max(1, dueMs - performance.now())))
    } else if (!isRoom) await room(socket)
  }
}

function route(socket: Socket, head: string, name: number, atMs: number): void {
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'))
  const method = path.slice('/cgi-bin/'.length, path.indexOf('?'))
  calls[method] = (calls[method] ?? 0) + 1
  if (method === 'gettoken') reply(socket, { access_token: 'stub-token', expires_in: 7_200 })
  else if (method === 'media/upload') uploaded(socket, name, atMs)
  else if (method === 'media/get') void send(socket, path, head)
  else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
}

/** One request after the other; none comes before the last one was answered. */
function serve(socket: Socket): void {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  let before = ''
  let head = ''
  let atMs = 0
  let leftBytes = 0
  let begin = ''
  socket.on('data', chunk => {
    let body: Buffer = chunk
    if (head === '') {
      const text = before + chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) {
        before = text
        return
      }
      atMs = nowMs()
      head = text.slice(0, end)
      body = chunk.subarray(end + 4 - before.length)
      before = ''
      leftBytes = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    }
    leftBytes -= body.length
    if (begin.length < 300) begin += body.toString('latin1', 0, 300)
    if (leftBytes > 0) return
    const name = Number(/filename="(\d+)/.exec(begin)?.[1] ?? -1)
    const whole = head
    head = ''
    begin = ''
    route(socket, whole, name, atMs)
  })
}

const server = createServer({ highWaterMark: chunkBytes }, serve)
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

answer({
  url: () => `http://127.0.0.1:${port}/cgi-bin`,
  cpu: cpuMs,
  reset(options: { bytesPerSecond?: number; answerMs?: number } = {}) {
    arrivals = []
    calls = {}
    bytesPerSecond = options.bytesPerSecond ?? 0
    answerMs = options.answerMs ?? 0
  },
  /** Resolves when so many uploads have come since the reset. */
  awaited: (count: number) =>
    arrivals.length >= count ? arrivals.length : new Promise(resolve => (enough = { count, resolve })),
  arrivals: () => arrivals,
  calls: () => calls,
})
