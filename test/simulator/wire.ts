/** Talks to a simulator as any client would, down to single bytes; nothing here knows our own client. */

import { connect, type Socket } from 'node:net'
import { defaultApp, Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'

export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const simulator = await new Simulator(options).start()
  atEnd(() => simulator.stop())
  return simulator
}

export interface JsonAnswer {
  readonly status: number
  readonly headers: Headers
  readonly json: Record<string, unknown>
}

export const getJson = async (url: string, init: RequestInit = {}): Promise<JsonAnswer> => {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, json: JSON.parse(await response.text()) }
}

/** `path` is that of a method with its query. */
export const postJson = (simulator: Simulator, path: string, body: unknown): Promise<JsonAnswer> =>
  getJson(`${simulator.baseUrl}/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })

/** One file as multipart, to any method. */
export const postFile = (
  simulator: Simulator,
  path: string,
  content: Uint8Array | string,
  disposition?: string,
): Promise<JsonAnswer> =>
  getJson(`${simulator.baseUrl}/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
    body: multipart(content, disposition),
  })

export const gettoken = (
  simulator: Simulator,
  { corpId, secret }: { corpId: string; secret: string } = defaultApp,
): Promise<JsonAnswer> =>
  getJson(`${simulator.baseUrl}/gettoken?${new URLSearchParams({ corpid: corpId, corpsecret: secret })}`)

export const tokenOf = async (simulator: Simulator, app = defaultApp): Promise<string> =>
  String((await gettoken(simulator, app)).json['access_token'])

export interface UploadOptions {
  readonly type?: string
  readonly content?: Uint8Array | string
  /** The whole Content-Disposition of the part. */
  readonly disposition?: string
  readonly partType?: string
  /** Of the request. */
  readonly contentType?: string
  readonly token?: string
  readonly signal?: AbortSignal
}

const boundary = '----simulated0123456789'

export const multipart = (
  content: Uint8Array | string,
  disposition = 'form-data; name="media"; filename="a.txt"',
  partType = 'application/octet-stream',
): Buffer =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: ${partType}\r\n\r\n`),
    Buffer.from(content as Uint8Array),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])

export const upload = async (
  simulator: Simulator,
  {
    type = 'file',
    content = 'some text',
    disposition,
    partType,
    contentType,
    token,
    signal,
  }: UploadOptions = {},
): Promise<JsonAnswer> =>
  getJson(
    `${simulator.baseUrl}/media/upload?access_token=${token ?? (await tokenOf(simulator))}&type=${type}&debug=1`,
    {
      method: 'POST',
      headers: { 'Content-Type': contentType ?? `multipart/form-data; boundary=${boundary}` },
      body: multipart(content, disposition, partType),
      signal: signal ?? null,
    },
  )

export interface ImageOptions {
  readonly content?: Uint8Array | string
  readonly disposition?: string
  readonly token?: string
  readonly contentType?: string
}

export const uploadimg = async (
  simulator: Simulator,
  { content = png(100), disposition, token, contentType }: ImageOptions = {},
): Promise<JsonAnswer> =>
  getJson(`${simulator.baseUrl}/media/uploadimg?access_token=${token ?? (await tokenOf(simulator))}`, {
    method: 'POST',
    headers: { 'Content-Type': contentType ?? `multipart/form-data; boundary=${boundary}` },
    body: multipart(content, disposition ?? 'form-data; name="fieldNameHere"; filename="a.png"', 'image/png'),
  })

export const mediaUrl = async (simulator: Simulator, mediaId: string, app = defaultApp): Promise<string> =>
  `${simulator.baseUrl}/media/get?access_token=${await tokenOf(simulator, app)}&media_id=${encodeURIComponent(mediaId)}`

export const png = (sizeBytes: number): Buffer => {
  const bytes = Buffer.alloc(sizeBytes, 7)
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).copy(bytes)
  return bytes
}

/** AMR of 12.2 kbit/s: 32 bytes per 20 ms. */
export const amr = (frames: number): Buffer => {
  const frame = Buffer.alloc(32)
  frame[0] = 7 << 3
  return Buffer.concat([Buffer.from('#!AMR\n'), ...Array.from({ length: frames }, () => frame)])
}

export const mp4 = (sizeBytes: number): Buffer => {
  const bytes = Buffer.alloc(sizeBytes)
  bytes.write('\0\0\0\x18ftypisom')
  return bytes
}

export const open = (simulator: Simulator): Socket => {
  const { hostname, port } = new URL(simulator.baseUrl)
  const socket = connect(Number(port), hostname)
  atEnd(() => socket.destroy())
  return socket
}

export interface RawAnswer {
  readonly bytes: Buffer
  /** How the connection ended. */
  readonly end: 'close' | 'reset'
}

/** Everything until the connection ends. */
export const untilEnd = (socket: Socket): Promise<RawAnswer> => {
  const chunks: Buffer[] = []
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      resolve({ bytes: Buffer.concat(chunks), end: 'reset' })
    else reject(error)
  })
  socket.on('close', () => resolve({ bytes: Buffer.concat(chunks), end: 'close' }))
  return promise
}

export const rawGet = (simulator: Simulator, url: string, headers = ''): Promise<RawAnswer> => {
  const socket = open(simulator)
  const { pathname, search, host } = new URL(url)
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`)
  return untilEnd(socket)
}

/** Head and body of a raw answer; the head in latin1, one character per byte. */
export const split = ({ bytes }: RawAnswer): { head: string; body: Buffer } => {
  const at = bytes.indexOf('\r\n\r\n')
  return { head: bytes.toString('latin1', 0, at), body: bytes.subarray(at + 4) }
}
