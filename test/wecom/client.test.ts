import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defaultApp, type FaultSpec, Simulator } from '../../src/simulator/index.ts'
import {
  type CallEvent,
  type Client,
  createClient,
  Fault,
  type Mark,
  memoryTokenStore,
  redisTokenStore,
} from '../../src/wecom/index.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { chunksOf, faultOf, fileOf, small } from './files.ts'
import { type TestOptions, testClient } from './origin.ts'

const sim = new Simulator()
beforeAll(async () => {
  await sim.start()
  atEnd(() => sim.stop())
})
beforeEach(() => sim.reset())

const client = (over: TestOptions = {}): Client =>
  testClient({ baseUrl: sim.baseUrl, ...defaultApp, ...over })
const calls = (method: string) => sim.log({ method }).map(({ errcode }) => errcode)
const fault = (spec: Omit<FaultSpec, 'method'> & { method?: string }) =>
  sim.faults.add({ method: 'media/upload', ...spec } as FaultSpec)
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const megabyte = randomBytes(1024 * 1024)

function recorded() {
  const trace: string[] = []
  const mark: Mark = {
    sent: async () => void trace.push('sent'),
    refused: async ({ kind }) => void trace.push(`refused ${kind}`),
  }
  return { trace, mark }
}

describe('a file', () => {
  test('goes up and comes back, byte for byte, with its Chinese name and its life', async () => {
    const wecom = client()
    const up = await wecom.upload(fileOf(megabyte, { name: '报告 一.pdf' }))
    expect(up).toMatchObject({ type: 'file', expiresAtMs: up.createdAtMs + 72 * 3_600_000 })
    expect(Math.abs(up.createdAtMs - sim.clock.nowMs())).toBeLessThan(5_000)
    const down = await wecom.get(up.mediaId)
    expect(down).toMatchObject({
      whole: true,
      framed: true,
      name: '报告 一.pdf',
      lengthBytes: megabyte.length,
    })
    expect(Buffer.concat(await down.body.toArray()).equals(megabyte)).toBe(true)
  })

  test('comes back in ranges, and each says what it is', async () => {
    const wecom = client()
    const { mediaId } = await wecom.upload(fileOf(megabyte))
    const part = await wecom.get(mediaId, { range: { start: 16, end: 999 } })
    expect(part).toMatchObject({ whole: false, range: { start: 16, end: 999, totalBytes: megabyte.length } })
    expect(Buffer.concat(await part.body.toArray()).equals(megabyte.subarray(16, 1000))).toBe(true)
    const last = await wecom.get(mediaId, {
      range: { start: megabyte.length - 10, end: megabyte.length + 1_000 },
    })
    expect(last.range?.end).toBe(megabyte.length - 1)
    await last.body.toArray()
  })

  test('that is a JSON with an errcode in it comes back untouched', async () => {
    const json = Buffer.from('{"errcode":40007,"errmsg":"mine"}')
    const wecom = client()
    const { mediaId } = await wecom.upload(fileOf(json, { name: 'mine.json' }))
    const { body } = await wecom.get(mediaId)
    expect(Buffer.concat(await body.toArray()).equals(json)).toBe(true)
  })

  test('is gone after three days', async () => {
    const wecom = client()
    const { mediaId } = await wecom.upload(fileOf(small))
    sim.advance(73 * 3_600_000)
    expect(await faultOf(wecom.get(mediaId))).toMatchObject({ kind: 'gone', errcode: 40007 })
  })

  test.each([
    ['is too small', fileOf(Buffer.from('12345')), 'invalid'],
    ['is too big', fileOf(small, { type: 'voice', sizeBytes: 2 * 1024 * 1024 + 1 }), 'too-big'],
    ['has no name', fileOf(small, { name: '' }), 'invalid'],
    ['has a NUL in its name', fileOf(small, { name: 'a\0b' }), 'invalid'],
    ['has a header in its content type', fileOf(small, { contentType: 'a/b\r\nX: 1' }), 'invalid'],
    ['has no known type', fileOf(small, { type: 'toString' as never }), 'invalid'],
  ])('that %s is refused before anything is sent', async (_, file, kind) => {
    expect((await faultOf(client().upload(file))).kind).toBe(kind)
    expect(sim.log()).toEqual([])
  })

  test.each([
    [{ start: 5, end: 4 }],
    [{ start: -1, end: 4 }],
    [{ start: 0, end: 1.5 }],
  ])('a range like %j is refused before anything is sent', async range => {
    expect((await faultOf(client().get('1abc', { range }))).kind).toBe('invalid')
    expect(sim.log()).toEqual([])
  })
})

describe('a token that dies', () => {
  test.each([
    40014, 42001,
  ] as const)('with %i while an upload runs: one refresh, and the body whole the second time', async errcode => {
    const { redis, prefix } = testRedis()
    const fleet = [1, 2].map(() => client({ tokens: redisTokenStore({ redis, prefix }) }))
    await Promise.all(fleet.map(each => each.upload(fileOf(small))))
    sim.invalidateTokens({ errcode })
    await Promise.all(fleet.map(each => each.upload(fileOf(megabyte))))
    expect(calls('gettoken')).toEqual([0, 0])
    const accepted = sim.log(({ sha256: hash }) => hash === sha256(megabyte))
    expect(accepted.filter(({ mediaId }) => mediaId)).toHaveLength(2)
    expect(calls('media/upload').filter(Boolean)).toEqual([errcode, errcode])
  })

  test.each([
    'keep-reading',
    'close',
  ] as const)('said early, before the body was sent (%s), is a refresh and one upload', async early => {
    fault({ do: 'errcode', errcode: 42001, early, afterBytes: 65_536 } as never)
    const big = randomBytes(8 * 1024 * 1024)
    await client().upload(fileOf(big))
    expect(calls('gettoken')).toEqual([0, 0])
    expect(
      sim
        .log({ method: 'media/upload' })
        .map(({ sha256: hash }) => hash)
        .filter(Boolean),
    ).toContain(sha256(big))
    expect(calls('media/upload')).toEqual([42001, 0])
  })

  test('and dies again stops after one repeat', async () => {
    fault({ do: 'errcode', errcode: 42001, times: 'always' } as never)
    expect(await faultOf(client().upload(fileOf(small)))).toMatchObject({ kind: 'token', errcode: 42001 })
    expect(calls('media/upload')).toEqual([42001, 42001])
    expect(calls('gettoken')).toEqual([0, 0])
  })

  test('costs no call when another process has renewed it already', async () => {
    const tokens = memoryTokenStore()
    const [one, two] = [client({ tokens }), client({ tokens })]
    await one.upload(fileOf(small))
    sim.invalidateTokens()
    await one.upload(fileOf(small))
    await two.upload(fileOf(small))
    expect(calls('gettoken')).toEqual([0, 0])
    expect(calls('media/upload')).toEqual([0, 40014, 0, 0])
  })

  test('a wrong secret is one call, whatever is asked', async () => {
    const wecom = client({ secret: 'wrong' })
    for (let i = 0; i < 3; i += 1) {
      const refused = await faultOf(i % 2 ? wecom.get('1abc') : wecom.upload(fileOf(small)))
      expect(refused).toMatchObject({ kind: 'unavailable', errcode: 40001 })
      expect(refused.waitMs).toBeGreaterThan(0)
    }
    expect(sim.log()).toHaveLength(1)
  })
})

describe('what the platform says', () => {
  test.each([
    [-1, 'busy', undefined],
    [45009, 'limit', 60_000],
    [45033, 'limit', 3_000],
    [60020, 'unavailable', 60_000],
    [40004, 'wrong-type', undefined],
    [99_999, 'rejected', undefined],
  ])('%i is %s, is asked once, and takes the mark away', async (errcode, kind, waitMs) => {
    fault({ do: 'errcode', errcode } as never)
    const { trace, mark } = recorded()
    expect(await faultOf(client().upload(fileOf(small), { mark }))).toMatchObject({ kind, errcode, waitMs })
    expect(trace).toEqual(['sent', `refused ${kind}`])
    expect(calls('media/upload')).toEqual([errcode])
  })

  test('is told in events, with unknown codes marked, and with every call in it', async () => {
    const events: CallEvent[] = []
    const wecom = client({ app: 'crm', onCall: event => void events.push(event) })
    fault({ do: 'errcode', errcode: 99_999 } as never)
    await faultOf(wecom.upload(fileOf(small)))
    fault({ do: 'html', early: 'close' } as never)
    const big = randomBytes(8 * 1024 * 1024)
    const { mediaId } = await wecom.upload(fileOf(big))
    const { body } = await wecom.get(mediaId)
    await body.toArray()
    await new Promise(resolve => setImmediate(resolve))
    const common = { app: 'crm', corp: defaultApp.corpId, retried: false }
    expect(events).toMatchObject([
      { ...common, method: 'gettoken', bytesSent: 0 },
      { ...common, method: 'media/upload', errcode: 99_999, kind: 'rejected', unknownCode: true },
      { ...common, method: 'media/upload', kind: 'transient' },
      { ...common, method: 'media/upload', retried: true },
      { ...common, method: 'media/get', bytesReceived: big.length },
    ])
    expect(events[3]?.bytesSent).toBeGreaterThan(big.length)
    expect(events[0]?.ms).toBeGreaterThan(0)
  })

  test('a listener that throws does not harm the upload', async () => {
    const wecom = client({
      onCall() {
        throw new Error('listener')
      },
    })
    expect((await wecom.upload(fileOf(small))).mediaId).toBeTruthy()
  })
})

describe('a source that ends early, late or with an error', () => {
  test.each([
    ['early', async () => Readable.from(chunksOf(megabyte.subarray(1)))],
    ['late', async () => Readable.from(chunksOf(Buffer.concat([megabyte, Buffer.from('!')])))],
    [
      'with an error',
      async () =>
        Readable.from(
          (function* () {
            yield megabyte.subarray(0, 100_000)
            throw new Error('source')
          })(),
        ),
    ],
  ])('(%s) is never accepted by the platform, and leaves no mark', async (_, open) => {
    const { trace, mark } = recorded()
    const failed = await faultOf(client().upload(fileOf(megabyte, { open }), { mark }))
    expect(failed.kind).toBe('transient')
    await sim.waitFor({ method: 'media/upload', state: 'done' }, { count: 3 })
    expect(sim.log(({ mediaId }) => mediaId !== undefined)).toEqual([])
    expect(trace.at(-1)).toBe('refused transient')
  })
})

describe('a call that is lost', () => {
  test.each([
    ['cut while the body is sent', { do: 'cut-request', afterBytes: 300_000, how: 'reset' }, 0],
    ['answered by a cut', { do: 'drop-reply' }, 1],
    ['answered with half a body', { do: 'half-body' }, 1],
    ['answered with a page', { do: 'html', status: 200 }, 0],
    ['answered with 502 after the body', { do: 'html', status: 502 }, 0],
    ['answered with nothing', { do: 'empty-body' }, 1],
    ['answered with broken JSON', { do: 'invalid-json' }, 1],
    ['answered with NaN', { do: 'invalid-json', text: '{"errcode":NaN}' }, 1],
    [
      'answered with a key twice',
      { do: 'invalid-json', text: '{"errcode":0,"errcode":0,"media_id":"1"}' },
      1,
    ],
    [
      'answered with a huge text',
      { do: 'invalid-json', text: `{"errcode":0,"media_id":"1","x":"${'x'.repeat(100_000)}"}` },
      1,
    ],
    ['answered without a media_id', { do: 'invalid-json', text: '{"errcode":0}' }, 1],
    ['answered with a text as errcode', { do: 'invalid-json', text: '{"errcode":"0","media_id":"1"}' }, 1],
  ])('as an upload (%s) is unknown, is not repeated, and keeps its mark', async (_, act, accepted) => {
    fault(act as never)
    const { trace, mark } = recorded()
    const events: CallEvent[] = []
    const lost = await faultOf(
      client({ onCall: event => void events.push(event) }).upload(fileOf(megabyte), { mark }),
    )
    expect(lost.kind).toBe('unknown')
    expect(trace).toEqual(['sent'])
    expect(sim.log({ method: 'media/upload' })).toHaveLength(1)
    expect(sim.log(({ mediaId }) => mediaId !== undefined)).toHaveLength(accepted)
    expect(events.at(-1)).toMatchObject({ method: 'media/upload', kind: 'unknown' })
  })

  test('as an upload that a proxy refused before it had the body is tried again', async () => {
    fault({ do: 'html', status: 502, early: 'close', afterBytes: 1_000 } as never)
    const { trace, mark } = recorded()
    await client().upload(fileOf(randomBytes(8 * 1024 * 1024)), { mark })
    expect(trace).toEqual(['sent', 'refused transient', 'sent'])
  })

  test.each([
    ['a cut', { do: 'drop-reply' }],
    ['a page', { do: 'html', status: 200 }],
    ['502', { do: 'html', status: 502 }],
    ['nothing', { do: 'empty-body' }],
    ['broken JSON', { do: 'invalid-json' }],
    ['another range', { do: 'wrong-content-range', shiftBytes: 16 }],
  ])('as a download (%s) is tried again', async (_, act) => {
    const wecom = client()
    const { mediaId } = await wecom.upload(fileOf(megabyte))
    fault({ method: 'media/get', ...act } as never)
    const { body } = await wecom.get(mediaId, { range: { start: 0, end: 15 } })
    expect(Buffer.concat(await body.toArray()).equals(megabyte.subarray(0, 16))).toBe(true)
    expect(sim.log({ method: 'media/get' })).toHaveLength(2)
  })

  test('a download that is cut in its body ends with a transient fault, not with a short file', async () => {
    const events: CallEvent[] = []
    const wecom = client({ onCall: event => void events.push(event) })
    const { mediaId } = await wecom.upload(fileOf(megabyte))
    for (const act of [{ do: 'half-body' }, { do: 'cut-response', afterBytes: 1_000, how: 'reset' }]) {
      fault({ method: 'media/get', ...act } as never)
      const { body } = await wecom.get(mediaId)
      expect((await faultOf(body.toArray())).kind).toBe('transient')
      await new Promise(resolve => setImmediate(resolve))
      expect(events.at(-1)).toMatchObject({ method: 'media/get', kind: 'transient' })
    }
  })
})

describe('a caller who leaves', () => {
  test('before anything was sent is cancelled, and nothing is sent', async () => {
    const signal = AbortSignal.abort(new Error('left'))
    expect((await faultOf(client().upload(fileOf(small), { signal }))).kind).toBe('cancelled')
    expect(calls('media/upload')).toEqual([])
  })

  test.each([
    ['an error', new Error('left')],
    ['a fault of his own', new Fault('expired', 'the deadline has passed')],
  ])('with %s while the answer is awaited leaves an unknown outcome and the mark', async (_, reason) => {
    fault({ do: 'hold', at: 'answer' } as never)
    const leaving = new AbortController()
    const { trace, mark } = recorded()
    const uploading = faultOf(client().upload(fileOf(small), { signal: leaving.signal, mark }))
    await sim.waitFor({ method: 'media/upload', state: 'held' })
    leaving.abort(reason)
    expect((await uploading).kind).toBe('unknown')
    expect(trace).toEqual(['sent'])
  })

  test('with a fault of his own before anything was sent gets it back', async () => {
    const signal = AbortSignal.abort(new Fault('expired', 'the deadline has passed'))
    expect((await faultOf(client().get('1abc', { signal }))).kind).toBe('expired')
  })

  test('in the middle of a download gets a cancelled body, and his slot is free', async () => {
    const wecom = client({ connections: 1 })
    const big = randomBytes(4 * 1024 * 1024)
    const { mediaId } = await wecom.upload(fileOf(big))
    fault({ method: 'media/get', do: 'stall', at: 'body' } as never)
    const leaving = new AbortController()
    const { body } = await wecom.get(mediaId, { signal: leaving.signal })
    const read = faultOf(body.toArray())
    leaving.abort(new Error('left'))
    expect((await read).kind).toBe('cancelled')
    const again = await wecom.get(mediaId)
    expect((await again.body.toArray()).length).toBeGreaterThan(0)
  })

  test('without touching the body holds the slot until the deadline, not longer', async () => {
    const wecom = client({ connections: 1, timeouts: { baseMs: 300, minBytesPerSecond: 1e9 } })
    const { mediaId } = await wecom.upload(fileOf(megabyte))
    const abandoned = await wecom.get(mediaId)
    const { body } = await wecom.get(mediaId)
    expect(Buffer.concat(await body.toArray())).toHaveLength(megabyte.length)
    expect((await faultOf(abandoned.body.toArray())).kind).toBe('transient')
  })

  test('without reading the body, but destroying it, frees the slot too', async () => {
    const wecom = client({ connections: 1 })
    const { mediaId } = await wecom.upload(fileOf(megabyte))
    for (let i = 0; i < 3; i += 1) (await wecom.get(mediaId)).body.destroy()
    const { body } = await wecom.get(mediaId)
    expect(Buffer.concat(await body.toArray())).toHaveLength(megabyte.length)
  })
})

describe('a client', () => {
  test('makes no more calls at a time than it has connections', async () => {
    fault({ do: 'hold', at: 'answer', times: 'always' } as never)
    const wecom = client({ connections: 2 })
    const uploads = Promise.all(Array.from({ length: 4 }, () => wecom.upload(fileOf(small))))
    const held = await sim.waitFor({ method: 'media/upload', state: 'held' }, { count: 2 })
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(sim.log({ method: 'media/upload' })).toHaveLength(2)
    sim.release()
    const since = Math.max(...held.map(({ id }) => id))
    await sim.waitFor({ method: 'media/upload', state: 'held', since }, { count: 2 })
    sim.release()
    await uploads
  })

  test.each([
    ['no secret', { corpId: 'ww', secret: '' }],
    ['no corp', { corpId: '', secret: 's' }],
    ['no URL', { corpId: 'ww', secret: 's', baseUrl: 'qyapi' }],
    ['a URL of another kind', { corpId: 'ww', secret: 's', baseUrl: 'file:///etc' }],
    ['a URL with a query', { corpId: 'ww', secret: 's', baseUrl: 'https://a/cgi-bin?access_token=canary' }],
    ['a URL with a password', { corpId: 'ww', secret: 's', baseUrl: 'https://canary:canary@a/cgi-bin' }],
  ])('with %s cannot be made, and the message says what to set', (_, options) => {
    const make = () => createClient(options)
    expect(make).toThrow(expect.objectContaining({ kind: 'config' }))
    expect(make).toThrow(/WECOM_/)
    expect(make).not.toThrow(/canary/)
  })
})
