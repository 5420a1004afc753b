import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { type ByteRange, memoryTokenStore } from '../../src/wecom/index.ts'
import { tokenKey } from '../../src/wecom/token-key.ts'
import { atEnd } from '../support/at-end.ts'
import { faultOf, fileOf, small } from './files.ts'
import { accepted, reply, secret, startOrigin, type TestOptions, testClient, token } from './origin.ts'

/** A token at hand, so that a raw server sees nothing but the call. */
async function withToken(baseUrl: string) {
  const tokens = memoryTokenStore()
  const key = tokenKey(baseUrl, { corpId: 'ww_corp', secret }, 'default')
  await tokens.lock(key, 'test', 1_000)
  await tokens.accept(key, 'test', token, 7_200_000)
  return tokens
}

/** A server that writes these bytes for each request, and then does as told with the socket. */
async function rawOrigin(answer: string | Buffer, then: (socket: Socket) => void = socket => socket.end()) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(answer, () => then(socket)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cgi-bin`
  return async (options: TestOptions = {}) =>
    testClient({ baseUrl, tokens: await withToken(baseUrl), retry: { transientTries: 0 }, ...options })
}

const head = (...lines: string[]) => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`
const attachment = 'Content-Disposition: attachment; filename="a.bin"'

describe('error or file', () => {
  const text = { type: 'text/plain', json: 'application/json; charset=UTF-8' }
  const error = '{"errcode":40007,"errmsg":"invalid media_id"}'

  test.each([
    ['an error as JSON', [`Content-Type: ${text.json}`], error],
    ['an error as text', [`Content-Type: ${text.type}`], error],
    ['an error named as a picture', ['Content-Type: image/jpeg'], error],
    ['an error in the header alone', ['Error-Code: 40007', 'Error-Msg: invalid media_id'], 'whatever'],
    ['an error in the header of an attachment', ['Error-Code: 40007', attachment], 'whatever'],
  ])('%s is an error', async (_, headers, body) => {
    const open = await rawOrigin(head(...headers, `Content-Length: ${Buffer.byteLength(body)}`) + body)
    expect(await faultOf((await open()).get('1abc'))).toMatchObject({ kind: 'gone', errcode: 40007 })
  })

  test.each([
    ['a JSON of a user', [`Content-Type: ${text.json}`, attachment], error],
    [
      'a JSON of a user, marked as no error',
      ['Error-Code: 0', `Content-Type: ${text.json}`, attachment],
      error,
    ],
    ['a text of a user', [`Content-Type: ${text.type}`, attachment], '{"errcode":'],
    ['a page of a user', ['Content-Type: text/html', attachment], '<html></html>'],
    ['an unmarked JSON without errcode', [`Content-Type: ${text.json}`], '{"a":1}'],
    ['an unmarked JSON with errcode 0', [`Content-Type: ${text.json}`], '{"errcode":0}'],
    ['an unmarked text that begins like JSON', [`Content-Type: ${text.type}`], '{not json'],
    ['an unmarked picture', ['Content-Type: image/jpeg'], '\xff\xd8\xff'],
    ['an unmarked large JSON', [`Content-Type: ${text.type}`], `{"errcode":1,"x":"${'x'.repeat(20_000)}"}`],
  ])('%s is a file and untouched', async (_, headers, body) => {
    const bytes = Buffer.from(body, 'latin1')
    const open = await rawOrigin(
      Buffer.concat([Buffer.from(head(...headers, `Content-Length: ${bytes.length}`)), bytes]),
    )
    const media = await (await open()).get('1abc')
    expect(Buffer.concat(await media.body.toArray()).equals(bytes)).toBe(true)
  })

  test.each([
    ['a page', `${head('Content-Type: text/html', 'Content-Length: 6')}<html>`, 'transient'],
    ['an empty answer', head('Content-Type: image/png', 'Content-Length: 0'), 'transient'],
    ['a broken JSON', `${head(`Content-Type: ${text.json}`, 'Content-Length: 3')}{"a`, 'transient'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 'transient'],
    ['a 302', 'HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n', 'config'],
    ['a 404', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'rejected'],
    ['a 413', 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n', 'rejected'],
    ['a 416', 'HTTP/1.1 416 Range\r\nContent-Length: 0\r\n\r\n', 'rejected'],
    ['a 429', 'HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n', 'transient'],
    ['a 503', 'HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n', 'transient'],
    [
      'a refusal with a status',
      `HTTP/1.1 400 Bad\r\nContent-Length: ${error.length}\r\n\r\n${error}`,
      'gone',
    ],
  ])('%s is no file but %s', async (_, answer, kind) => {
    const open = await rawOrigin(answer)
    expect((await faultOf((await open()).get('1abc'))).kind).toBe(kind)
  })

  test('a compressed file is refused, and a compressed answer to an upload is unknown', async () => {
    const bytes = gzipSync('{"errcode":0,"media_id":"1"}')
    const encoded = head(attachment, 'Content-Encoding: gzip', `Content-Length: ${bytes.length}`)
    const open = await rawOrigin(Buffer.concat([Buffer.from(encoded), bytes]))
    const client = await open()
    expect((await faultOf(client.get('1abc'))).kind).toBe('rejected')
    expect((await faultOf(client.upload(fileOf(small)))).kind).toBe('unknown')
  })
})

describe('the frame of a file', () => {
  const media = async (answer: string, then?: (socket: Socket) => void) =>
    (await (await rawOrigin(answer, then))()).get('1abc')

  test('with a length or in chunks is known, and a file that only ends with its connection is marked', async () => {
    const chunked = await media(`${head(attachment, 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`)
    expect(chunked).toMatchObject({ framed: true })
    expect(chunked.lengthBytes).toBeUndefined()
    const bare = await media(`${head(attachment, 'Connection: close')}abc`)
    expect(bare).toMatchObject({ framed: false })
    expect(String(Buffer.concat(await bare.body.toArray()))).toBe('abc')
    await chunked.body.toArray()
  })

  test('in chunks that are cut is a fault, not a short file', async () => {
    const { body } = await media(`${head(attachment, 'Transfer-Encoding: chunked')}3\r\nabc\r\n`)
    expect((await faultOf(body.toArray())).kind).toBe('transient')
  })

  test.each([
    ['no Content-Range', ''],
    ['a star', 'bytes 0-9/*'],
    ['an end before its start', 'bytes 9-0/100'],
    ['an end beyond the file', 'bytes 0-9/9'],
    ['another length', 'bytes 0-8/100'],
    ['another start', 'bytes 1-10/100'],
    ['more than asked for', 'bytes 0-10/100'],
    ['another unit', 'lines 0-9/100'],
  ])('a 206 with %s is refused', async (_, range) => {
    const lines = [
      'HTTP/1.1 206 Partial',
      ...(range ? [`Content-Range: ${range}`] : []),
      'Content-Length: 10',
      '',
      '0123456789',
    ]
    const open = await rawOrigin(lines.join('\r\n'))
    const asked: ByteRange = { start: 0, end: 9 }
    expect((await faultOf((await open()).get('1abc', { range: asked }))).kind).toBe('transient')
  })

  test('a 206 that nobody asked for is refused', async () => {
    const open = await rawOrigin(
      'HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/100\r\nContent-Length: 10\r\n\r\n0123456789',
    )
    expect((await faultOf((await open()).get('1abc'))).kind).toBe('transient')
  })
})

describe('time', () => {
  const timeouts = {
    connectMs: 5_000,
    headMs: 5_000,
    noProgressMs: 5_000,
    baseMs: 5_000,
    minBytesPerSecond: 1e9,
  }
  const huge = fileOf(Buffer.alloc(20 * 1024 * 1024))

  test('a platform that stops reading is noticed, while undici would wait for ever', async () => {
    const origin = await startOrigin(request => void request.pause(), { readBody: false })
    const startedMs = performance.now()
    const fault = await faultOf(origin.client({ timeouts: { ...timeouts, noProgressMs: 150 } }).upload(huge))
    expect(fault).toMatchObject({
      kind: 'unknown',
      message: expect.stringContaining('no byte could be sent for 150 ms'),
    })
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })

  test('a source that stops giving is noticed, and closed', async () => {
    const origin = await startOrigin(() => {}, { readBody: false })
    const source = new Readable({ read() {} })
    source.push(Buffer.from('abc'))
    const file = fileOf(small, { open: async () => source })
    const fault = await faultOf(origin.client({ timeouts: { ...timeouts, noProgressMs: 100 } }).upload(file))
    expect(fault.kind).toBe('unknown')
    expect(source.destroyed).toBe(true)
  })

  test('a source that never opens is noticed, and nothing was sent', async () => {
    const origin = await startOrigin(() => {})
    const file = fileOf(small, { open: () => new Promise<never>(() => {}) })
    const retry = { transientTries: 0 }
    const fault = await faultOf(
      origin.client({ retry, timeouts: { ...timeouts, noProgressMs: 100 } }).upload(file),
    )
    expect(fault.kind).toBe('transient')
    expect(origin.count('media/upload')).toBe(0)
  })

  test('an answer that does not come is unknown for an upload and transient for a download', async () => {
    const origin = await startOrigin(() => {})
    const client = origin.client({
      retry: { transientTries: 0 },
      timeouts: { ...timeouts, connectMs: 50, headMs: 100 },
    })
    expect(await faultOf(client.upload(fileOf(small)))).toMatchObject({
      kind: 'unknown',
      message: expect.stringContaining('no answer after the whole body for 100 ms'),
    })
    expect((await faultOf(client.get('1abc'))).kind).toBe('transient')
  })

  test('a body that drips is ended by the deadline, which is its size by the slowest speed', async () => {
    const open = await rawOrigin(head(attachment, 'Content-Length: 1000'), socket => {
      const drip = setInterval(() => socket.write('x'), 20)
      socket.on('close', () => clearInterval(drip))
    })
    const client = await open({ timeouts: { ...timeouts, baseMs: 200, minBytesPerSecond: 10_000 } })
    const { body } = await client.get('1abc')
    const startedMs = performance.now()
    const fault = await faultOf(body.toArray())
    expect(fault).toMatchObject({
      kind: 'transient',
      message: expect.stringContaining('not done after 300 ms'),
    })
    expect(performance.now() - startedMs).toBeGreaterThan(250)
  })

  test('a body that stands still is noticed', async () => {
    const open = await rawOrigin(`${head(attachment, 'Content-Length: 1000')}abc`, () => {})
    const { body } = await (await open({ timeouts: { ...timeouts, noProgressMs: 200 } })).get('1abc')
    expect((await faultOf(body.toArray())).kind).toBe('transient')
  })

  test('an upload that makes progress may take longer than a pause may', async () => {
    const origin = await startOrigin((_, response) => reply(response, accepted))
    const open = async () =>
      Readable.from(
        (async function* () {
          for (const byte of small) {
            await new Promise(resolve => setTimeout(resolve, 30))
            yield Buffer.from([byte])
          }
        })(),
      )
    const client = origin.client({ timeouts: { ...timeouts, noProgressMs: 200 } })
    const startedMs = performance.now()
    await client.upload(fileOf(small, { open }))
    expect(performance.now() - startedMs).toBeGreaterThan(200)
    expect(origin.seen.at(-1)?.body.toString()).toContain(small.toString())
  })
})

describe('the way there', () => {
  const closedPort = async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise(resolve => server.close(resolve))
    return port
  }

  test('a refused connection is transient, tried three times, and leaves no mark', async () => {
    const baseUrl = `http://127.0.0.1:${await closedPort()}/cgi-bin`
    const trace: string[] = []
    const mark = {
      sent: async () => void trace.push('sent'),
      refused: async () => void trace.push('refused'),
    }
    const client = testClient({ baseUrl, tokens: await withToken(baseUrl) })
    const fault = await faultOf(client.upload(fileOf(small), { mark }))
    expect(fault).toMatchObject({ kind: 'transient', cause: { code: 'ECONNREFUSED' } })
    expect(trace).toEqual(['sent', 'refused', 'sent', 'refused', 'sent', 'refused'])
  })

  test('a name that does not exist is transient', async () => {
    const baseUrl = 'http://wecom-media.invalid/cgi-bin'
    const client = testClient({ baseUrl, tokens: await withToken(baseUrl), retry: { transientTries: 0 } })
    expect((await faultOf(client.get('1abc'))).kind).toBe('transient')
  })

  test('plain HTTP where TLS is expected is config, and no token was sent', async () => {
    const seen: Buffer[] = []
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.on('data', chunk => {
        seen.push(chunk)
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    atEnd(() => server.close())
    const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/cgi-bin`
    const client = testClient({ baseUrl, tokens: await withToken(baseUrl) })
    expect((await faultOf(client.get('1abc'))).kind).toBe('config')
    expect(Buffer.concat(seen).toString('latin1')).not.toContain(token)
  })

  test('leads through the proxy of the environment, and not where no_proxy says so', async () => {
    const origin = await startOrigin((_, response) => reply(response, accepted))
    const asked: (string | undefined)[] = []
    const proxy = createHttpServer((request, response) => {
      asked.push(request.url?.replace(/\?.*/, ''))
      request
        .resume()
        .on('end', () => reply(response, { ...accepted, access_token: token, expires_in: 7200 }))
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    atEnd(() => {
      vi.unstubAllEnvs()
      proxy.closeAllConnections()
      proxy.close()
    })
    vi.stubEnv('http_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('no_proxy', '127.0.0.1')
    await testClient({ baseUrl: 'http://wecom.invalid/cgi-bin' }).upload(fileOf(small))
    expect(asked).toEqual(
      ['gettoken', 'media/upload'].map(method => `http://wecom.invalid/cgi-bin/${method}`),
    )
    await origin.client().upload(fileOf(small))
    expect(asked).toHaveLength(2)
    expect(origin.count('media/upload')).toBe(1)
  })

  test('ends with the client, as often as that is said', async () => {
    const origin = await startOrigin((_, response) => reply(response, accepted))
    const client = origin.client({ retry: { transientTries: 0 } })
    await client.upload(fileOf(small))
    await Promise.all([client.close(), client.close()])
    await client.close()
    expect((await faultOf(client.upload(fileOf(small)))).kind).toBe('transient')
  })

  test('asks for no compression and says the exact length', async () => {
    const origin = await startOrigin((_, response) => reply(response, accepted))
    await origin.client().upload(fileOf(small))
    const call = origin.seen.at(-1)
    expect(call?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'content-length': String(call?.body.length),
    })
    expect(call?.headers['transfer-encoding']).toBeUndefined()
  })

  test('created_at may be a text, a number, under its other name or missing', async () => {
    const times: unknown[] = []
    const nowMs = 1_700_000_123_000
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => performance.now(),
      sleep: async () => {},
      after: () => () => {},
    }
    const { created_at, ...bare } = accepted
    for (const more of [{ created_at }, { created_at: 1_700_000_000 }, { create_at: '1700000000' }, {}]) {
      const origin = await startOrigin((_, response) => reply(response, { ...bare, ...more }))
      times.push((await origin.client({ clock }).upload(fileOf(small))).createdAtMs)
    }
    expect(times).toEqual([1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000, nowMs])
  })

  test('created_at of the far future is now, by our own clock; a clock that is a little ahead is believed', async () => {
    const nowMs = 1_700_000_000_000
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => performance.now(),
      sleep: async () => {},
      after: () => () => {},
    }
    const times: unknown[] = []
    for (const aheadS of [-86_400, 599, 601, 86_400 * 365 * 100]) {
      const answer = { ...accepted, created_at: nowMs / 1_000 + aheadS }
      const origin = await startOrigin((_, response) => reply(response, answer))
      const { createdAtMs, expiresAtMs } = await origin.client({ clock }).upload(fileOf(small))
      expect(expiresAtMs - createdAtMs).toBe(72 * 3_600_000)
      times.push((createdAtMs - nowMs) / 1_000)
    }
    expect(times).toEqual([-86_400, 599, 0, 0])
  })
})

describe('token and secret', () => {
  test('are in no fault, cause or event, whatever goes wrong', async () => {
    const spoken: unknown[] = []
    const origins = await Promise.all([
      rawOrigin('SSH-2.0\r\n'),
      rawOrigin('', socket => socket.resetAndDestroy()),
      rawOrigin(head('Content-Length: 10'), socket => socket.destroy()),
      rawOrigin(`HTTP/1.1 302 Found\r\nLocation: /x?access_token=${token}\r\nContent-Length: 0\r\n\r\n`),
      rawOrigin(`HTTP/1.1 500 No\r\nContent-Length: ${token.length}\r\n\r\n${token}`),
    ])
    const options = { onCall: (event: unknown) => void spoken.push(event) }
    for (const open of origins) {
      const client = await open(options)
      spoken.push(await faultOf(client.upload(fileOf(small))), await faultOf(client.get('1abc')))
      const fresh = await open({ ...options, tokens: memoryTokenStore() })
      spoken.push(await faultOf(fresh.get('1abc')))
    }
    expect(spoken).toHaveLength(30)
    const text = inspect(spoken, { depth: 20, showHidden: true }) + JSON.stringify(spoken)
    expect(text).toContain('media/upload')
    expect(text).not.toMatch(/canary|access_token|corpsecret/)
  })
})
