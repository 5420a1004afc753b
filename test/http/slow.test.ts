/** What is too slow, too much or too often, and what happens at the end of the process. Ids: notes/reliability.md §6. */

import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { apiOf } from '../../src/app/api.ts'
import { turns } from '../../src/http/rate.ts'
import { type PublicServer, servePublic, type Times } from '../../src/http/server.ts'
import { createRules } from '../../src/limits/index.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { atEnd } from '../support/at-end.ts'
import { until } from '../support/until.ts'
import { callerOf, deployApi, tokens } from './api.ts'

/** The API of a deployment, with short times. */
async function serve(times: Partial<Times> = {}) {
  const deployment = await deployApi({ only: 'http' })
  const { config, producer, redis, namespace } = deployment
  const closing = new AbortController()
  const api = apiOf(config, {
    ...{ producer, redis, namespace, shared: namespace, rules: createRules({}) },
    ...{ log: createLog('silent'), metrics: createMetrics().metrics, closing: closing.signal },
  })
  const server: PublicServer = await servePublic(
    { host: '127.0.0.1', port: 0 },
    { api },
    { look: 50, drain: 1_000, ...times },
  )
  atEnd(() => server.close())
  const stop = () => {
    closing.abort()
    return server.close()
  }
  return { ...deployment, shop: callerOf(server.url, tokens.shop), url: server.url, stop }
}

const open = async (url: string): Promise<Socket> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined).resume()
  atEnd(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** However it comes about. */
const closeOf = (socket: Socket): Promise<void> =>
  new Promise(resolve => (socket.closed ? resolve() : socket.once('close', () => resolve())))

const textOf = (socket: Socket): (() => string) => {
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  return () => text
}

const head = (path: string, length: number, type = 'application/json') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.shop}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`

describe('S14 a slow connection', () => {
  test('loses its connection: head, body, silence, drip', async () => {
    const { url } = await serve({ headers: 500, body: 500, upload: 1_000, idle: 500 })
    const [silent, halfHead, halfBody, drip] = await Promise.all([open(url), open(url), open(url), open(url)])
    const said = textOf(halfBody)
    halfHead.write('POST /v1/jobs/download HTTP/1.1\r\nHost: x\r\n')
    halfBody.write(`${head('/v1/jobs/download', 100)}{"mediaId"`)
    drip.write(head('/v1/jobs/upload?type=file&name=a.txt', 1_000_000, 'application/octet-stream'))
    const dripping = setInterval(() => drip.write('x'), 50)
    atEnd(() => clearInterval(dripping))
    await Promise.all([silent, halfHead, halfBody, drip].map(closeOf))
    expect(said()).toMatch(/^HTTP\/1.1 408 /)
  })

  const slowBodies = async (url: string, length: number) => {
    const sockets = await Promise.all(Array.from({ length }, () => open(url)))
    for (const socket of sockets) socket.write(`${head('/v1/jobs/download', 100)}{`)
    return sockets
  }

  test('of many keeps nobody out', async () => {
    const { url, shop } = await serve({ body: 60_000 })
    const slow = await slowBodies(url, 500)
    expect((await shop.call('POST', '/v1/jobs/download', { mediaId: 'a' })).status).toBe(202)
    expect(slow.filter(({ destroyed, closed }) => destroyed || closed)).toEqual([])
  })

  test('that moves is left alone', async () => {
    const { url, config } = await serve({ body: 500 })
    const slow = await slowBodies(url, 20)
    // Longer under way than JSON may be, but moving.
    const moving = await open(url)
    const said = textOf(moving)
    moving.write(head('/v1/jobs/upload?type=file&name=a.txt', 600_000, 'application/octet-stream'))
    for (let sent = 0; sent < 6; sent++) {
      moving.write('x'.repeat(100_000))
      await new Promise(resolve => setTimeout(resolve, 150))
    }
    await until('it is taken', () => said().startsWith('HTTP/1.1 202'))
    await until('the slow ones are gone', () => slow.every(({ destroyed, closed }) => destroyed || closed))
    expect((await readdir(config.spool)).filter(name => name.endsWith('.part'))).toEqual([])
  })
})

test('S15 a body that was refused and does not stop loses its connection', async () => {
  const { url } = await serve()
  const socket = await open(url)
  const said = textOf(socket)
  socket.write(head('/v1/jobs/download', 10 ** 12))
  const more = () =>
    void (socket.destroyed || socket.write(Buffer.alloc(64 * 1024), () => setImmediate(more)))
  more()
  await closeOf(socket)
  // Who floods may miss the answer; it says 413 if it comes.
  expect(said()).toMatch(/^(HTTP\/1.1 413 |$)/)
})

describe('a token that asks too often', () => {
  test('is told when to come again, and others are not', async () => {
    const { url, redis, ...deployment } = await serve()
    const { startHere } = deployment
    const { publicUrl = '' } = await startHere({ requestsPerSecond: 5 }, 'http')
    void [url, redis]
    const shop = callerOf(publicUrl, tokens.shop)
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.call('GET', '/v1/jobs/none')))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThanOrEqual(10)
    expect(refused[0]?.body).toMatchObject({ kind: 'limit', status: 429 })
    expect(refused[0]?.headers.get('retry-after')).toBe('1')
    expect((await callerOf(publicUrl, tokens.reader).call('GET', '/v1/jobs/none')).status).toBe(404)
  })

  test('has its second in one go, and then a steady flow', () => {
    let nowMs = 0
    const take = turns(10, () => nowMs)
    const taken = (times: number) =>
      Array.from({ length: times }, () => {
        try {
          take('a')
          return 1
        } catch {
          return 0
        }
      }).reduce<number>((sum, one) => sum + one, 0)
    expect(taken(15)).toBe(10)
    nowMs += 100
    expect(taken(5)).toBe(1)
    nowMs += 60_000
    expect(taken(15)).toBe(10)
  })
})

describe('at the end of the process', () => {
  test('a request under way gets its answer, who waits is answered at once, and new ones are refused', async () => {
    const { url, shop, stop } = await serve({ drain: 120_000 })
    const { body } = await shop.call('POST', '/v1/jobs/download', { mediaId: 'a' })
    const waiting = shop.call('GET', `${body.url}?wait=50`)
    const agent = new Agent({ keepAlive: true })
    atEnd(() => agent.destroy())
    const payload = JSON.stringify({ mediaId: 'under-way' })
    const headers = {
      ...{ authorization: `Bearer ${tokens.shop}`, 'content-type': 'application/json' },
      'content-length': payload.length,
    }
    const sent = request(`${url}/v1/jobs/download`, { method: 'POST', agent, headers })
    const answered = once(sent, 'response')
    sent.write(payload.slice(0, 5))
    await new Promise(resolve => setTimeout(resolve, 100))
    const stopped = stop()
    expect((await waiting).body.state).toBe('queued')
    sent.end(payload.slice(5))
    const [{ statusCode, headers: got }] = await answered
    expect([statusCode, got.connection]).toEqual([202, 'close'])
    // Within the time of a test, which is less than the process would wait.
    await stopped
    await expect(shop.call('GET', body.url)).rejects.toThrow()
  })

  test('one that does not end is cut when the time is over', async () => {
    const { url, stop, config } = await serve()
    const socket = await open(url)
    socket.write(`${head('/v1/jobs/upload?type=file&name=a.txt', 100_000, 'application/octet-stream')}xxx`)
    await until('it is under way', async () => (await readdir(config.spool)).length > 0)
    await stop()
    await until('nothing stays', async () => (await readdir(config.spool)).length === 0)
  })
})
