import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, test, vi } from 'vitest'
import {
  createControl,
  defaultApp,
  type Simulator,
  type SimulatorOptions,
  seededBytes,
} from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'
import { startReceiver, withCallback } from './receiver.ts'
import { getJson, mediaUrl, mp4, startSimulator, tokenOf } from './wire.ts'

const MiB = 1024 * 1024
const big = seededBytes(7, 0, 25 * MiB)
const small = Buffer.from('six by')

const md5Of = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex')

interface Origin {
  readonly url: string
  readonly ranges: (string | undefined)[]
}

type Serve = (request: IncomingMessage, response: ServerResponse, range: [number, number]) => void

const origin = async (serve: Serve): Promise<Origin> => {
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range)
    const [, start = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    serve(request, response, [Number(start), Number(last) + 1])
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file?sig=1`, ranges }
}

const part = (
  response: ServerResponse,
  bytes: Buffer,
  [start, end]: [number, number],
  total = bytes.length,
) => {
  const body = bytes.subarray(start, end)
  const range = `bytes ${start}-${start + body.length - 1}/${total}`
  response.writeHead(206, { 'Content-Range': range, 'Content-Length': body.length })
  response.end(body)
}

const originOf = (bytes: Buffer): Promise<Origin> =>
  origin((_, response, range) => part(response, bytes, range))

const post = async (simulator: Simulator, method: string, body: unknown, app = defaultApp) => {
  const token = await tokenOf(simulator, app)
  const url = `${simulator.baseUrl}/media/${method}?access_token=${token}`
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return (await getJson(url, { method: 'POST', body: text, headers: { 'Content-Type': 'application/json' } }))
    .json
}

const submit = (simulator: Simulator, change: object = {}, app = defaultApp) => {
  const usual = { scene: 1, type: 'file', filename: 'big.bin', url: 'http://127.0.0.1:1/', md5: md5Of(small) }
  return post(simulator, 'upload_by_url', { ...usual, ...change }, app)
}

const result = (simulator: Simulator, jobid: unknown, app = defaultApp) =>
  post(simulator, 'get_upload_by_url_result', { jobid }, app)

const ended = async (simulator: Simulator, change: object, app = defaultApp) => {
  const { jobid } = await submit(simulator, change, app)
  await simulator.finishJobs()
  return result(simulator, jobid, app)
}

describe('an asynchronous upload', () => {
  it('fetches the file in parts, and its medium is served in slices only', async () => {
    const { url, ranges } = await originOf(big)
    const simulator = await startSimulator({ startMs: 1_700_000_000_500, frozen: true })
    const answer = await submit(simulator, { url, md5: md5Of(big).toUpperCase() })
    expect(answer).toEqual({
      errcode: 0,
      errmsg: 'ok',
      jobid: expect.stringMatching(/^jobid_[A-Za-z0-9_-]{43}$/),
    })
    await simulator.finishJobs()
    const end = (await result(simulator, answer['jobid'])) as { detail: { media_id: string } }
    expect(end).toEqual({
      errcode: 0,
      errmsg: 'ok',
      status: 2,
      detail: {
        errcode: 0,
        errmsg: 'ok',
        media_id: expect.stringMatching(/^3\*1\*[A-Za-z0-9_-]{43}$/),
        created_at: '1700000000',
      },
    })
    expect(ranges[0]).toBe('bytes=0-0')
    expect(ranges.length).toBeGreaterThan(2)
    const media = await mediaUrl(simulator, end.detail.media_id)
    expect((await getJson(media)).json['errcode']).toBe(830002)
    const slices = [
      [0, 20 * MiB - 1],
      [20 * MiB, 25 * MiB - 1],
    ].map(async ([start, last]) => {
      const response = await fetch(media, { headers: { Range: `bytes=${start}-${last}` } })
      expect(response.headers.get('Content-disposition')).toContain('big.bin')
      return Buffer.from(await response.arrayBuffer())
    })
    expect(md5Of(Buffer.concat(await Promise.all(slices)))).toBe(md5Of(big))
    expect(simulator.log({ method: 'media/upload_by_url' })).toMatchObject([{ jobId: answer['jobid'] }])
  })

  it('is another job when it is asked for again', async () => {
    const { url } = await originOf(small)
    const simulator = await startSimulator()
    const ids = [await submit(simulator, { url }), await submit(simulator, { url })].map(
      each => each['jobid'],
    )
    expect(new Set(ids).size).toBe(2)
    await simulator.finishJobs()
    const media = simulator.jobs().map(job => (job.status === 'done' ? job.mediaId : undefined))
    expect(new Set(media).size).toBe(2)
    expect(media).not.toContain(undefined)
  })

  it('takes a video that is MP4, and no other', async () => {
    const [film, text] = [mp4(100), Buffer.alloc(100)]
    const [filmUrl, textUrl] = [(await originOf(film)).url, (await originOf(text)).url]
    const simulator = await startSimulator()
    const right = await ended(simulator, { type: 'video', url: filmUrl, md5: md5Of(film) })
    expect(right).toMatchObject({ status: 2 })
    const wrong = await ended(simulator, { type: 'video', url: textUrl, md5: md5Of(text) })
    expect(wrong).toMatchObject({ errcode: 0, status: 3, detail: { errcode: 40004 } })
    const other = await startSimulator({ switches: { errcodes: { 'async-not-mp4': 830001 } } })
    const switched = await ended(other, { type: 'video', url: textUrl, md5: md5Of(text) })
    expect(switched).toMatchObject({ detail: { errcode: 830001 } })
  })
})

/** The first request is answered well, the second by this. */
const later =
  (serve: Serve): Serve =>
  (request, response, range) => {
    if (request.headers.range === 'bytes=0-0') part(response, big, range)
    else serve(request, response, range)
  }

const whole: Serve = (_, response) => response.end(small)
const failures: [string, number, Serve][] = [
  ['no Range at the URL', 830001, whole],
  ['a part without its place', 830001, (_, response) => void response.writeHead(206).end('s')],
  [
    'a place without a part',
    830001,
    (_, response) => void response.writeHead(200, { 'Content-Range': 'bytes 0-0/6' }).end('s'),
  ],
  ['404', 830003, (_, response) => void response.writeHead(404).end()],
  ['a redirect', 830003, (_, response) => void response.writeHead(302, { Location: '/' }).end()],
  ['a reset', 830003, request => void request.socket.resetAndDestroy()],
  ['503 later', 830003, later((_, response) => void response.writeHead(503).end())],
  ['no Range later', 830003, later(whole)],
  [
    'a place without a part later',
    830003,
    later((_, response, [start, end]) => {
      response.writeHead(200, { 'Content-Range': `bytes ${start}-${end - 1}/${big.length}` })
      response.end(big.subarray(start, end))
    }),
  ],
  ['another file later', 830003, later((_, response, range) => part(response, big, range, 26 * MiB))],
  [
    'an end in the middle',
    830003,
    later((request, response, [start, end]) => {
      response.writeHead(206, {
        'Content-Range': `bytes ${start}-${end - 1}/${big.length}`,
        'Content-Length': end,
      })
      response.write(big.subarray(start, end - 100_000), () => request.socket.destroySoon())
    }),
  ],
  [
    'fewer bytes than said',
    830003,
    later((_, response, [start, end]) => {
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${big.length}` })
      response.end('short')
    }),
  ],
  [
    'more bytes than said',
    830003,
    later((_, response, [start, end]) => {
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${big.length}` })
      response.end(big)
    }),
  ],
  ['silence', 830003, () => undefined],
  ['5 bytes', 45001, (_, response, range) => part(response, small.subarray(0, 5), range)],
  ['no bytes', 45001, (_, response) => void response.writeHead(416, { 'Content-Range': 'bytes */0' }).end()],
  ['over 200 MiB', 45001, (_, response, range) => part(response, small, range, 200 * MiB + 1)],
  ['another MD5', 301019, (_, response, range) => part(response, Buffer.from('six bY'), range)],
]

describe('a job fails', () => {
  test.each(failures)('for %s with %i', async (_, errcode, serve) => {
    const { url } = await origin(serve)
    const simulator = await startSimulator({ switches: { asyncIdleMs: 200 } })
    expect(await ended(simulator, { url })).toEqual({
      errcode: 0,
      errmsg: 'ok',
      status: 3,
      detail: { errcode, errmsg: expect.stringMatching(/./) },
    })
    expect(simulator.jobs()).toMatchObject([{ status: 'failed', errcode, corp: defaultApp.corpId }])
  })

  it.each(['http://127.0.0.1:1/', 'ftp://x/', 'nonsense'])('for %s with 830003', async url => {
    expect(await ended(await startSimulator(), { url })).toMatchObject({ detail: { errcode: 830003 } })
  })
})

describe('asking for one', () => {
  test.each([
    [{ scene: 2 }, 40058],
    [{ scene: '1' }, 40058],
    [{ scene: undefined }, 40058],
    [{ type: 'image' }, 40058],
    [{ type: 'voice' }, 40058],
    [{ type: undefined }, 40058],
    [{ filename: '汉'.repeat(43) }, 40058],
    [{ filename: '汉'.repeat(42) }, 0],
    [{ filename: '' }, 40063],
    [{ filename: 5 }, 40058],
    [{ url: `http://127.0.0.1:1/${'x'.repeat(1005)}` }, 0],
    [{ url: `http://127.0.0.1:1/${'x'.repeat(1006)}` }, 40058],
    [{ url: '' }, 40063],
    [{ md5: '0'.repeat(33) }, 40058],
    [{ md5: null }, 40058],
    [{ md5: '' }, 40063],
  ])('with %j is answered %i', async (change, errcode) => {
    const simulator = await startSimulator()
    expect(await submit(simulator, change)).toMatchObject({ errcode })
    expect(simulator.jobs()).toHaveLength(errcode === 0 ? 1 : 0)
  })

  it('with a body that is no JSON object, or too long, is refused', async () => {
    const simulator = await startSimulator()
    for (const body of ['', '[]', '{"scene":', JSON.stringify({ scene: 1, filler: 'x'.repeat(100_000) })]) {
      expect(await post(simulator, 'upload_by_url', body)).toMatchObject({ errcode: 40058 })
    }
  })

  it('needs the permission, in both methods', async () => {
    const app = { ...defaultApp, permissions: [] }
    const simulator = await startSimulator({ apps: [app] })
    expect(await submit(simulator, {}, app)).toMatchObject({ errcode: 48002 })
    expect(await result(simulator, 'jobid_x', app)).toMatchObject({ errcode: 48002 })
  })
})

describe('the result', () => {
  const running = async (options: SimulatorOptions = {}) => {
    const { url } = await originOf(small)
    const simulator = await startSimulator({
      ...options,
      switches: { asyncDelayMs: 'hold', ...options.switches },
    })
    return { simulator, url, jobid: (await submit(simulator, { url, filename: 'a.txt' }))['jobid'] }
  }

  it('shows when it is let go, of one job or of all', async () => {
    const { simulator, url, jobid } = await running()
    const second = (await submit(simulator, { url }))['jobid']
    expect(await result(simulator, jobid)).toEqual({ errcode: 0, errmsg: 'ok', status: 1 })
    expect(await createControl(simulator.controlUrl).finishJobs(`${jobid}`)).toBe(1)
    expect(await result(simulator, jobid)).toMatchObject({ status: 2 })
    expect(await result(simulator, second)).toMatchObject({ status: 1 })
    expect(await simulator.finishJobs()).toBe(1)
    expect(await result(simulator, second)).toMatchObject({ status: 2 })
  })

  it('shows after the delay', async () => {
    const receiver = await startReceiver()
    const { url } = await originOf(small)
    const simulator = await startSimulator(withCallback(receiver, { asyncDelayMs: 500 }))
    const app = { corpId: 'ww_one', secret: 's1' }
    const startedMs = performance.now()
    const { jobid } = await submit(simulator, { url }, app)
    expect(await result(simulator, jobid, app)).toMatchObject({ status: 1 })
    await simulator.waitForDelivery({ jobId: `${jobid}` })
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(499)
    expect(await result(simulator, jobid, app)).toMatchObject({ status: 2 })
  })

  it('may be written with texts or numbers the other way', async () => {
    const { simulator, jobid } = await running({ switches: { asyncStatus: 'string', createdAt: 'number' } })
    expect(await result(simulator, jobid)).toMatchObject({ status: '1' })
    await simulator.finishJobs()
    const end = await result(simulator, jobid)
    expect(end).toMatchObject({ status: '2', detail: { created_at: expect.any(Number) } })
  })

  it('is known for 60 minutes of the simulator’s clock', async () => {
    const { simulator, jobid } = await running({ startMs: 1_700_000_000_000, frozen: true })
    await simulator.finishJobs()
    simulator.advance(60 * 60_000 - 1)
    expect(await result(simulator, jobid)).toMatchObject({ status: 2 })
    simulator.advance(1)
    expect(await result(simulator, jobid)).toMatchObject({ errcode: 40088 })
  })

  it('is not known of another corp’s job, or of none', async () => {
    const other = { corpId: 'ww_other', secret: 's' }
    const apps = [defaultApp, other]
    const { simulator, jobid } = await running({ apps, switches: { errcodes: { 'unknown-job': 790000 } } })
    expect(await result(simulator, jobid, other)).toMatchObject({ errcode: 790000 })
    expect(await result(await startSimulator(), 'jobid_none')).toMatchObject({ errcode: 40088 })
    expect(await result(simulator, 'x'.repeat(129))).toMatchObject({ errcode: 40058 })
    expect(await result(simulator, '')).toMatchObject({ errcode: 40063 })
    expect(await result(simulator, undefined)).toMatchObject({ errcode: 40058 })
  })

  it('of a medium ends after 3 days', async () => {
    const { simulator, jobid } = await running({ startMs: 1_700_000_000_000, frozen: true })
    await simulator.finishJobs()
    const { detail } = (await result(simulator, jobid)) as { detail: { media_id: string } }
    const read = async (): Promise<Response> => fetch(await mediaUrl(simulator, detail.media_id))
    simulator.advance(72 * 3_600_000 - 1)
    expect(await (await read()).text()).toBe('six by')
    simulator.advance(1)
    expect(await (await read()).json()).toMatchObject({ errcode: 40007 })
  })
})

describe('the callback of a job', () => {
  const app = { corpId: 'ww_one', secret: 's1' }

  it('comes after the result, to the app that asked, for success and failure', async () => {
    const [receiver, other] = [await startReceiver(), await startReceiver()]
    const { url } = await originOf(small)
    const options = withCallback(receiver)
    const neighbour = { corpId: 'ww_one', secret: 's2', callback: other.target }
    const simulator = await startSimulator({ ...options, apps: [neighbour, ...(options.apps ?? [])] })
    const good = (await submit(simulator, { url }, app))['jobid']
    await simulator.waitForDelivery({ jobId: `${good}` })
    const bad = (await submit(simulator, {}, app))['jobid']
    await simulator.waitForDelivery({ event: 'upload_media_job_finish' }, { count: 2 })
    expect(receiver.events()).toEqual([good, bad])
    expect(receiver.received[0]?.message).toMatch(
      /^<xml><ToUserName><!\[CDATA\[ww_one\]\]><\/ToUserName><FromUserName><!\[CDATA\[sys\]\]><\/FromUserName><CreateTime>\d{10}<\/CreateTime><MsgType><!\[CDATA\[event\]\]><\/MsgType><Event><!\[CDATA\[upload_media_job_finish\]\]><\/Event><JobId><!\[CDATA\[jobid_[\w-]{43}\]\]><\/JobId><\/xml>$/,
    )
    expect(other.received).toEqual([])
    expect(await result(simulator, good, app)).toMatchObject({ status: 2 })
    expect(await result(simulator, bad, app)).toMatchObject({ status: 3 })
  })

  it('may come before the result, and before the jobid is answered', async () => {
    const receiver = await startReceiver()
    const { url } = await originOf(small)
    const simulator = await startSimulator(
      withCallback(receiver, { asyncDelayMs: 'hold', callbackBeforeResult: true }),
    )
    simulator.faults.add({ method: 'media/upload_by_url', do: 'hold', at: 'answer' })
    const answer = submit(simulator, { url }, app)
    const [delivery] = await simulator.waitForDelivery({ event: 'upload_media_job_finish' })
    simulator.release()
    const { jobid } = await answer
    expect(delivery?.jobId).toBe(jobid)
    expect(await result(simulator, jobid, app)).toMatchObject({ status: 1 })
    await simulator.finishJobs()
    expect(await result(simulator, jobid, app)).toMatchObject({ status: 2 })
    expect(receiver.received).toHaveLength(1)
  })

  it('of a suite’s tenant goes to the suite, in the tenant’s name', async () => {
    const receiver = await startReceiver()
    const { url } = await originOf(small)
    const simulator = await startSimulator({
      suites: [
        {
          suiteId: 'ww_suite',
          suiteSecret: 'ss',
          callback: { ...receiver.target, url: `${receiver.url}/$CORPID$` },
        },
      ],
      tenants: [{ corpId: 'ww_tenant', suiteId: 'ww_suite', permanentCode: 'p1' }],
    })
    const service = async (path: string, body: object) =>
      (await getJson(`${simulator.baseUrl}/service/${path}`, { method: 'POST', body: JSON.stringify(body) }))
        .json
    const suite = await service('get_suite_token', {
      suite_id: 'ww_suite',
      suite_secret: 'ss',
      suite_ticket: simulator.issueTicket('ww_suite'),
    })
    const corp = await service(`get_corp_token?suite_access_token=${suite['suite_access_token']}`, {
      auth_corpid: 'ww_tenant',
      permanent_code: 'p1',
    })
    const asked = { scene: 1, type: 'file', filename: 'a', url, md5: md5Of(small) }
    await getJson(`${simulator.baseUrl}/media/upload_by_url?access_token=${corp['access_token']}`, {
      method: 'POST',
      body: JSON.stringify(asked),
    })
    await simulator.waitForDelivery({ corp: 'ww_tenant', event: 'upload_media_job_finish' })
    expect(receiver.received).toMatchObject([{ path: '/callback/ww_tenant', receiver: 'ww_tenant' }])
  })
})

describe('the end of the simulator', () => {
  /** The bytes that lie in the simulator's folder; undefined without a folder. */
  const spooledBytes = (folder: string): number | undefined => {
    const [mine] = readdirSync(folder)
    if (mine === undefined) return undefined
    return readdirSync(join(folder, mine)).reduce(
      (sum, file) => sum + statSync(join(folder, mine, file)).size,
      0,
    )
  }

  it.each(['stop', 'reset'] as const)('by %s cuts a download under way and leaves no file', async way => {
    const folder = mkdtempSync(join(tmpdir(), 'async-upload-'))
    vi.stubEnv('TMPDIR', folder)
    atEnd(() => {
      vi.unstubAllEnvs()
      rmSync(folder, { recursive: true })
    })
    const { url } = await origin((_, response, [start, end]) => {
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${big.length}` })
      response.write(big.subarray(start, Math.min(end, start + MiB)))
      if (end === 1) response.end()
    })
    const receiver = await startReceiver()
    const simulator = await startSimulator(withCallback(receiver))
    await submit(simulator, { url }, { corpId: 'ww_one', secret: 's1' })
    while ((spooledBytes(folder) ?? 0) < MiB) await delay(5)
    const startedMs = performance.now()
    await simulator[way]()
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(spooledBytes(folder)).toBeUndefined()
    expect(simulator.jobs()).toEqual([])
    expect(simulator.deliveries()).toEqual([])
    expect(receiver.received).toEqual([])
  })
})
