/** A web for tests: allowed to reach one origin of loopback, impatient, closed with its test. */

import { createWeb, type Web, type WebOptions, type WebPolicy } from '../../src/files/http.ts'
import { atEnd } from '../support/at-end.ts'
import { head, type Script, send, startOrigin } from '../support/origin.ts'

const impatient = {
  connectMs: 2_000,
  headMs: 3_000,
  noProgressMs: 3_000,
  speedWindowMs: 5_000,
  resumeGapsMs: [1, 1, 1],
}

export const webWith = (policy: WebPolicy, { timeouts, ...options }: WebOptions = {}): Web => {
  const web = createWeb(policy, { ...options, timeouts: { ...impatient, ...timeouts } })
  atEnd(() => web.close())
  return web
}

/** An origin that runs the script, and a web that may reach it. */
export const site = async (script: Script, options: WebOptions = {}) => {
  const origin = await startOrigin(script)
  const web = webWith({ hosts: 'public', ports: [origin.port], privateNets: ['127.0.0.1/32'] }, options)
  return { ...origin, web, url: `http://127.0.0.1:${origin.port}/media/photo.jpg?sign=s3cret` }
}

export const length = (bytes: number | string): string => `Content-Length: ${bytes}`

export const contentRange = (start: number, end: number, total: number | string): string =>
  `Content-Range: bytes ${start}-${end}/${total}`

/** Where a request wants to begin; 0 for the whole file. */
export const startOf = (headers: ReadonlyMap<string, string>): number =>
  Number(/^bytes=(\d+)-/.exec(headers.get('range') ?? '')?.[1] ?? 0)

/** A server that keeps to Range and If-Range. */
export const honest =
  (content: Uint8Array, ...facts: readonly string[]): Script =>
  ({ headers }, socket) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.get('range') ?? '') ?? []
    if (from === undefined) return send(socket, head('200 OK', length(content.length), ...facts), content)
    const end = Math.min(to ? Number(to) : Number.POSITIVE_INFINITY, content.length - 1)
    const part = content.subarray(Number(from), end + 1)
    const range = contentRange(Number(from), end, content.length)
    return send(socket, head('206 Partial Content', length(part.length), range, ...facts), part)
  }
