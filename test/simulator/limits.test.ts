import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import {
  createControl,
  defaultApp,
  defaultLimits,
  type LimitChange,
  type Simulator,
} from '../../src/simulator/index.ts'
import { getJson, gettoken, mediaUrl, open, startSimulator, tokenOf, upload, uploadimg } from './wire.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const other = { corpId: 'ww_other', secret: 'other' }

/** On the edge of a minute and of an hour, 20 January 2026, 10:00 in Shanghai. */
const startMs = Date.UTC(2026, 0, 20, 2)
const midnightMs = Date.UTC(2026, 0, 20, 16)

const start = (limits: LimitChange): Promise<Simulator> =>
  startSimulator({ frozen: true, startMs, apps: [defaultApp, other], limits })

/** The errcodes of so many calls for a medium that does not exist: 40007 where no limit says no. */
const callers = async (simulator: Simulator, app = defaultApp) => {
  const url = await mediaUrl(simulator, 'none', app)
  return async (calls = 1): Promise<unknown[]> => {
    const codes: unknown[] = []
    for (let call = 0; call < calls; call += 1) codes.push((await getJson(url)).json['errcode'])
    return codes
  }
}

const of = (code: number, times: number): number[] => Array<number>(times).fill(code)

describe('the limit of a minute', () => {
  it('refuses one call more with 45009, to this corp and method alone', async () => {
    const simulator = await start({ rules: { minute: { calls: 3 } } })
    const call = await callers(simulator)
    const callOfOther = await callers(simulator, other)
    expect(await call(5)).toEqual([...of(40007, 3), ...of(45009, 2)])
    expect(await callOfOther(1)).toEqual([40007])
    expect((await upload(simulator)).json['errcode']).toBe(0)
    const refused = await getJson(await mediaUrl(simulator, 'none'))
    expect(refused.status).toBe(200)
    expect(refused.headers.get('error-code')).toBe('45009')
    expect(refused.json['errmsg']).toMatch(/^api freq out of limit, hint: \[\d+\], from ip: 127\.0\.0\.1, /)
    expect(simulator.log({ method: 'media/get', refused: true })).toMatchObject(
      Array(3).fill({ errcode: 45009, limit: 'minute', status: 200 }),
    )
  })

  it('locks out for 60 s from the first refusal, and calls in between change nothing', async () => {
    const simulator = await start({ rules: { minute: { calls: 2 } } })
    const call = await callers(simulator)
    simulator.advance(30_000)
    expect(await call(3)).toEqual([40007, 40007, 45009])
    simulator.advance(35_000)
    // The next window of the clock has begun.
    expect(await call(1)).toEqual([45009])
    simulator.advance(24_999)
    expect(await call(1)).toEqual([45009])
    simulator.advance(1)
    expect(await call(3)).toEqual([40007, 40007, 45009])
  })

  it('begins the lock-out anew with each call where the switch says so', async () => {
    const simulator = await start({ rules: { minute: { calls: 1 } }, prolongLockout: true })
    const call = await callers(simulator)
    expect(await call(2)).toEqual([40007, 45009])
    simulator.advance(59_999)
    expect(await call(1)).toEqual([45009])
    simulator.advance(59_999)
    expect(await call(1)).toEqual([45009])
    simulator.advance(60_000)
    expect(await call(1)).toEqual([40007])
  })

  it('lets up to twice as many through around the edge of a fixed window, and never where windows slide', async () => {
    const codes: unknown[] = []
    for (const windows of ['fixed', 'sliding'] as const) {
      const simulator = await start({ rules: { minute: { calls: 3 } }, windows })
      const call = await callers(simulator)
      simulator.advance(59_999)
      codes.push(...(await call(3)))
      simulator.advance(1)
      codes.push(...(await call(1)))
    }
    expect(codes).toEqual([...of(40007, 4), ...of(40007, 3), 45009])
  })

  it('slides by single calls', async () => {
    const simulator = await start({ rules: { minute: { calls: 2, lockoutMs: 1 } }, windows: 'sliding' })
    const call = await callers(simulator)
    expect(await call(1)).toEqual([40007])
    simulator.advance(10_000)
    expect(await call(2)).toEqual([40007, 45009])
    simulator.advance(49_999)
    expect(await call(1)).toEqual([45009])
    simulator.advance(1)
    expect(await call(2)).toEqual([40007, 45009])
  })

  it('counts refused calls only where the switch says so', async () => {
    for (const [countRefused, after] of [[false, 40007] as const, [true, 45009] as const]) {
      const simulator = await start({ rules: { minute: { calls: 2 } }, countRefused })
      const call = await callers(simulator)
      simulator.advance(30_000)
      await call(3)
      simulator.advance(40_000)
      expect(await call(2)).toEqual([45009, 45009])
      simulator.advance(20_000)
      expect(await call(1)).toEqual([after])
    }
  })

  it('counts a call when its head arrives, not when it ends', async () => {
    const simulator = await start({ rules: { minute: { calls: 1 } } })
    const token = await tokenOf(simulator)
    const socket = open(simulator)
    socket.write(
      `POST /cgi-bin/media/upload?access_token=${token}&type=file HTTP/1.1\r\nHost: s\r\nContent-Length: 9999\r\n\r\n`,
    )
    await simulator.waitFor({ method: 'media/upload' })
    expect((await upload(simulator, { token })).json['errcode']).toBe(45009)
    socket.destroy()
    await simulator.waitFor({ method: 'media/upload', state: 'done' }, { count: 2 })
    expect((await upload(simulator, { token })).json['errcode']).toBe(45009)
  })

  it('counts calls that end in an error, a fault or a dead token', async () => {
    const simulator = await start({ rules: { minute: { calls: 3 } } })
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: -1 })
    expect((await upload(simulator, { token })).json['errcode']).toBe(-1)
    expect((await upload(simulator, { token, content: '1' })).json['errcode']).toBe(40006)
    simulator.invalidateTokens()
    expect((await upload(simulator, { token })).json['errcode']).toBe(40014)
    expect((await upload(simulator, { token })).json['errcode']).toBe(45009)
  })

  it('answers itself where the script would answer too', async () => {
    const simulator = await start({ rules: { minute: { calls: 1 } } })
    simulator.faults.add({ method: 'gettoken', times: 'always', do: 'errcode', errcode: -1 })
    expect((await gettoken(simulator)).json['errcode']).toBe(-1)
    expect((await gettoken(simulator)).json['errcode']).toBe(45009)
    expect(simulator.log()).toMatchObject([{ errcode: -1 }, { errcode: 45009, limit: 'minute' }])
  })

  it('reads the whole body before it refuses', async () => {
    const simulator = await start({ rules: { minute: { calls: 0 } } })
    simulator.limits.change({ rules: { minute: { method: 'media/upload' } } })
    expect((await upload(simulator, { content: Buffer.alloc(3_000_000) })).json['errcode']).toBe(45009)
    expect(simulator.log({ refused: true })[0]?.bytesIn).toBeGreaterThan(3_000_000)
  })

  it('has a lock-out of its own length where one is given, else of its window', async () => {
    const simulator = await start({ rules: { minute: { calls: 1, windowMs: 1000 } } })
    const call = await callers(simulator)
    expect(await call(2)).toEqual([40007, 45009])
    expect(simulator.limits.lockouts()).toEqual([
      { limit: 'minute', who: defaultApp.corpId, method: 'media/get', untilMs: startMs + 1000 },
    ])
    simulator.limits.change({ rules: { minute: { lockoutMs: 5000 } } })
    expect(await call(2)).toEqual([40007, 45009])
    simulator.advance(4999)
    expect(await call(1)).toEqual([45009])
    simulator.advance(1)
    expect(await call(1)).toEqual([40007])
  })
})

describe('the limit of an hour', () => {
  it('stands beside that of a minute and locks out for 60 minutes', async () => {
    const simulator = await start({ rules: { minute: { calls: 3 }, hour: { calls: 4 } } })
    const call = await callers(simulator)
    expect(await call(4)).toEqual([...of(40007, 3), 45009])
    simulator.advance(minuteMs)
    expect(await call(2)).toEqual([40007, 45009])
    simulator.advance(hourMs - 1)
    expect(await call(1)).toEqual([45009])
    expect(simulator.limits.lockouts().map(({ limit }) => limit)).toEqual(['hour'])
    simulator.advance(1)
    expect(await call(1)).toEqual([40007])
    expect(simulator.log({ refused: true }).map(({ limit }) => limit)).toEqual(['minute', 'hour', 'hour'])
  })
})

describe('two limits broken by one call', () => {
  it('each lock out for their own time', async () => {
    const simulator = await start({ rules: { minute: { calls: 2 }, hour: { calls: 2 } } })
    expect(await (await callers(simulator))(3)).toEqual([40007, 40007, 45009])
    expect(simulator.limits.lockouts()).toMatchObject([
      { limit: 'minute', untilMs: startMs + minuteMs },
      { limit: 'hour', untilMs: startMs + hourMs },
    ])
  })
})

describe('the quota of uploadimg', () => {
  const quota = (day: number, month = 3000): LimitChange => ({
    rules: { imageDay: { calls: day }, imageMonth: { calls: month } },
  })
  const images = async (simulator: Simulator, calls: number, app = defaultApp): Promise<unknown[]> => {
    const token = await tokenOf(simulator, app)
    const codes: unknown[] = []
    for (let call = 0; call < calls; call += 1)
      codes.push((await uploadimg(simulator, { token })).json['errcode'])
    return codes
  }

  it('of a day blocks until midnight in Shanghai', async () => {
    const simulator = await start(quota(3))
    expect(await images(simulator, 4)).toEqual([0, 0, 0, 45009])
    expect(await images(simulator, 1, other)).toEqual([0])
    expect((await upload(simulator)).json['errcode']).toBe(0)
    simulator.setClock({ nowMs: midnightMs - 1 })
    expect(await images(simulator, 1)).toEqual([45009])
    simulator.setClock({ nowMs: midnightMs })
    expect(await images(simulator, 4)).toEqual([0, 0, 0, 45009])
    expect(simulator.log({ refused: true }).map(({ limit }) => limit)).toEqual(Array(3).fill('imageDay'))
  })

  it('of a day is whole again at midnight without a refusal, whatever the windows', async () => {
    const simulator = await start({ ...quota(3), windows: 'sliding' })
    simulator.setClock({ nowMs: midnightMs - 1 })
    expect(await images(simulator, 3)).toEqual([0, 0, 0])
    simulator.advance(1)
    expect(await images(simulator, 3)).toEqual([0, 0, 0])
  })

  it('of a month blocks for 30 days from the first refusal, across the end of the month', async () => {
    const simulator = await start(quota(1000, 2))
    expect(await images(simulator, 3)).toEqual([0, 0, 45009])
    simulator.advance(20 * dayMs)
    expect(await images(simulator, 1)).toEqual([45009])
    simulator.advance(10 * dayMs - 1)
    expect(await images(simulator, 1)).toEqual([45009])
    simulator.advance(1)
    expect(await images(simulator, 1)).toEqual([0])
  })

  it('of a month begins anew with the calendar, or rolls over 30 days where windows slide', async () => {
    const firstOfFebruary = Date.UTC(2026, 0, 31, 16)
    const codes: unknown[] = []
    for (const windows of ['fixed', 'sliding'] as const) {
      const simulator = await start({ ...quota(1000, 2), windows })
      expect(await images(simulator, 2)).toEqual([0, 0])
      simulator.setClock({ nowMs: firstOfFebruary })
      codes.push(...(await images(simulator, 1)))
    }
    expect(codes).toEqual([0, 45009])
  })

  it('is not used by calls that fail, unless they are to count', async () => {
    const simulator = await start(quota(2))
    simulator.faults.add({ method: 'media/uploadimg', do: 'errcode', errcode: -1 })
    expect((await uploadimg(simulator)).json['errcode']).toBe(-1)
    expect((await uploadimg(simulator, { content: '1' })).json['errcode']).toBe(40006)
    expect(await images(simulator, 3)).toEqual([0, 0, 45009])
    simulator.limits.change({ rules: { imageDay: { counts: 'calls' } } })
    expect((await uploadimg(simulator, { content: '1' })).json['errcode']).toBe(40006)
    expect(await images(simulator, 2)).toEqual([0, 45009])
  })

  it('is used by an image that was accepted though its answer was lost', async () => {
    const simulator = await start(quota(1))
    simulator.faults.add({ method: 'media/uploadimg', do: 'drop-reply' })
    await expect(uploadimg(simulator)).rejects.toThrow()
    expect(await images(simulator, 1)).toEqual([45009])
  })

  it('is taken at the arrival and given back when the call breaks off', async () => {
    const simulator = await start({ rules: { imageDay: { calls: 1, lockoutMs: 1 } } })
    const token = await tokenOf(simulator)
    const socket = open(simulator)
    socket.write(
      `POST /cgi-bin/media/uploadimg?access_token=${token} HTTP/1.1\r\nHost: s\r\nContent-Length: 99\r\n` +
        'Content-Type: multipart/form-data; boundary=----simulated0123456789\r\n\r\n',
    )
    await simulator.waitFor({ method: 'media/uploadimg' })
    expect(await images(simulator, 1)).toEqual([45009])
    socket.destroy()
    await simulator.waitFor({ method: 'media/uploadimg', state: 'done' }, { count: 2 })
    simulator.advance(1)
    expect(await images(simulator, 2)).toEqual([0, 45009])
  })
})

describe('the limit of calls at once', () => {
  it('refuses one more of the same corp and method with 45033, which is not under way itself', async () => {
    const simulator = await start({ concurrency: 2 })
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', times: 2, do: 'hold', at: 'answer' })
    const held = [upload(simulator, { token }), upload(simulator, { token })]
    await simulator.waitFor({ state: 'held' }, { count: 2 })
    for (let call = 0; call < 3; call += 1) {
      expect((await upload(simulator, { token })).json['errcode']).toBe(45033)
    }
    expect((await uploadimg(simulator, { token })).json['errcode']).toBe(0)
    expect((await upload(simulator, { token: await tokenOf(simulator, other) })).json['errcode']).toBe(0)
    simulator.release()
    for (const answer of await Promise.all(held)) expect(answer.json['errcode']).toBe(0)
    expect((await upload(simulator, { token })).json['errcode']).toBe(0)
    expect(simulator.log({ errcode: 45033 })).toMatchObject(Array(3).fill({ limit: 'concurrency' }))
    expect(simulator.log({ errcode: 45033 })).toHaveLength(3)
  })

  it('lets the next one in as soon as an answer is there, or its client has gone', async () => {
    const simulator = await start({ concurrency: 1 })
    const call = await callers(simulator)
    expect(await call(50)).toEqual(of(40007, 50))
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const giveUp = new AbortController()
    const gone = upload(simulator, { token, signal: giveUp.signal }).catch(() => 'gone')
    await simulator.waitFor({ state: 'held' })
    giveUp.abort()
    expect(await gone).toBe('gone')
    await simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect((await upload(simulator, { token })).json['errcode']).toBe(0)
  })

  it('counts calls from before it was set, and none where it is off', async () => {
    const simulator = await start({})
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', times: 3, do: 'hold', at: 'answer' })
    const held = [1, 2, 3].map(() => upload(simulator, { token }))
    await simulator.waitFor({ state: 'held' }, { count: 3 })
    simulator.limits.change({ concurrency: 3 })
    expect((await upload(simulator, { token })).json['errcode']).toBe(45033)
    simulator.limits.change({ concurrency: 'off' })
    expect((await upload(simulator, { token })).json['errcode']).toBe(0)
    simulator.release()
    await Promise.all(held)
  })

  it('has a number of its own for gets of one media_id', async () => {
    const simulator = await start({ concurrencyPerMedium: 1 })
    const [one, two] = [
      await simulator.addMedia({ sizeBytes: 100 }),
      await simulator.addMedia({ sizeBytes: 100 }),
    ]
    const slice = async (mediaId: string) =>
      fetch(await mediaUrl(simulator, mediaId), { headers: { Range: 'bytes=0-9' } })
    simulator.faults.add({ method: 'media/get', do: 'hold', at: 'answer' })
    const held = slice(one.mediaId)
    await simulator.waitFor({ state: 'held' })
    expect((await getJson(await mediaUrl(simulator, one.mediaId))).json['errcode']).toBe(45033)
    expect((await slice(two.mediaId)).status).toBe(206)
    simulator.release()
    expect((await held).status).toBe(206)
    expect((await slice(one.mediaId)).status).toBe(206)
    expect(simulator.log({ errcode: 45033 })).toMatchObject([{ limit: 'concurrencyPerMedium' }])
  })

  it('does not use up the minute with what it refuses', async () => {
    const simulator = await start({ concurrency: 1, rules: { minute: { calls: 3 } } })
    const token = await tokenOf(simulator)
    simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const held = upload(simulator, { token })
    await simulator.waitFor({ state: 'held' })
    for (let call = 0; call < 5; call += 1) await upload(simulator, { token })
    simulator.release()
    await held
    expect((await upload(simulator, { token })).json['errcode']).toBe(0)
    expect((await upload(simulator, { token })).json['errcode']).toBe(0)
    expect((await upload(simulator, { token })).json['errcode']).toBe(45009)
  })
})

/** The errcode of a GET from another address of this machine. */
const codeFrom = async (localAddress: string, url: string): Promise<{ errcode: number; errmsg: string }> => {
  const sent = request(url, { localAddress }).end()
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return JSON.parse(text)
}

describe('addresses', () => {
  it('that are not trusted get 60020 for everything but gettoken, with the address in the text', async () => {
    const simulator = await start({ trustedIps: ['127.0.0.2'], rules: { minute: { calls: 2 } } })
    const url = await mediaUrl(simulator, 'none')
    for (let call = 0; call < 3; call += 1) {
      expect(await codeFrom('127.0.0.1', url)).toMatchObject({
        errcode: 60020,
        errmsg: expect.stringMatching(/^not allow to access from your ip, .* from ip: 127\.0\.0\.1, /),
      })
    }
    expect((await codeFrom('127.0.0.2', url)).errcode).toBe(40007)
    expect(simulator.log({ errcode: 60020 })).toMatchObject(Array(3).fill({ limit: 'trustedIps' }))
    simulator.limits.change({ trustedIps: 'any' })
    expect((await codeFrom('127.0.0.1', url)).errcode).toBe(40007)
  })

  it('have limits over all corps where these are on', async () => {
    const simulator = await start({ rules: { ipMinute: { on: true, calls: 3 } } })
    const [call, callOfOther] = [await callers(simulator), await callers(simulator, other)]
    expect(await call(2)).toEqual([40007, 40007])
    expect(await callOfOther(2)).toEqual([40007, 45009])
    expect((await codeFrom('127.0.0.2', await mediaUrl(simulator, 'none'))).errcode).toBe(40007)
    expect(simulator.limits.lockouts()).toEqual([
      { limit: 'ipMinute', who: '127.0.0.1', method: 'media/get', untilMs: startMs + minuteMs },
    ])
  })

  it('that send too many wrong secrets are locked out of gettoken for an hour', async () => {
    const simulator = await start({ rules: { wrongSecrets: { calls: 3 } } })
    const call = await callers(simulator)
    for (let good = 0; good < 5; good += 1) await gettoken(simulator)
    const wrong = { ...defaultApp, secret: 'wrong' }
    const codes: unknown[] = []
    for (let bad = 0; bad < 4; bad += 1) codes.push((await gettoken(simulator, wrong)).json['errcode'])
    expect(codes).toEqual([...of(40001, 3), 45009])
    expect((await gettoken(simulator, other)).json['errcode']).toBe(45009)
    expect(await call(1)).toEqual([40007])
    const elsewhere = `${simulator.baseUrl}/gettoken?corpid=${other.corpId}&corpsecret=${other.secret}`
    expect((await codeFrom('127.0.0.2', elsewhere)).errcode).toBe(0)
    simulator.advance(hourMs - 1)
    expect((await gettoken(simulator)).json['errcode']).toBe(45009)
    simulator.advance(1)
    expect((await gettoken(simulator)).json['errcode']).toBe(0)
  })
})

describe('the limits', () => {
  it('are those of the manual at the start', async () => {
    const simulator = await start({})
    expect(await createControl(simulator.controlUrl).limits.read()).toEqual(defaultLimits)
    expect(defaultLimits).toMatchObject({
      rules: {
        minute: { on: true, per: 'corp', calls: 10_000, windowMs: minuteMs },
        hour: { on: true, per: 'corp', calls: 150_000, windowMs: hourMs },
        ipMinute: { on: false, per: 'ip', calls: 20_000 },
        imageDay: { on: true, method: 'media/uploadimg', calls: 1000, windowMs: 'day' },
        imageMonth: { on: true, method: 'media/uploadimg', calls: 3000, windowMs: 'month' },
      },
      concurrency: 'off',
      trustedIps: 'any',
    })
  })

  it('change while it runs, over control too: a rule that is named counts anew, the others go on', async () => {
    const simulator = await start({ rules: { minute: { calls: 2 }, hour: { calls: 4 } } })
    const control = createControl(simulator.controlUrl)
    const call = await callers(simulator)
    expect(await call(3)).toEqual([40007, 40007, 45009])
    const after = await control.limits.change({ rules: { minute: { calls: 3 } }, concurrency: 9 })
    expect(after).toEqual(simulator.limits.settings)
    expect(after).toMatchObject({ concurrency: 9, rules: { minute: { calls: 3, windowMs: minuteMs } } })
    expect(await call(3)).toEqual([40007, 40007, 45009])
    expect(simulator.log().at(-1)).toMatchObject({ limit: 'hour' })
  })

  it('take rules of new names, for one corp or method, and rules of 0 calls', async () => {
    const simulator = await start({})
    const [call, callOfOther] = [await callers(simulator), await callers(simulator, other)]
    const strict = { per: 'corp', corp: other.corpId, method: 'media/get', calls: 0, windowMs: 1000 } as const
    simulator.limits.change({ rules: { strict } })
    expect(await callOfOther(2)).toEqual([45009, 45009])
    expect(await call(1)).toEqual([40007])
    expect((await gettoken(simulator, other)).json['errcode']).toBe(0)
    simulator.limits.change({ rules: { strict: { on: false } } })
    expect(await callOfOther(1)).toEqual([40007])
  })

  it('can be broken by hand, listed, and lifted', async () => {
    const simulator = await start({ rules: { minute: { calls: 2 } } })
    const control = createControl(simulator.controlUrl)
    const [call, callOfOther] = [await callers(simulator), await callers(simulator, other)]
    await control.limits.lockOut({ corp: defaultApp.corpId, method: 'media/get', lockoutMs: 5000 })
    expect(await call(1)).toEqual([45009])
    expect(await callOfOther(3)).toEqual([40007, 40007, 45009])
    expect(await control.limits.lockouts()).toEqual([
      { limit: 'lockOut', who: defaultApp.corpId, method: 'media/get', untilMs: startMs + 5000 },
      { limit: 'minute', who: other.corpId, method: 'media/get', untilMs: startMs + minuteMs },
    ])
    simulator.advance(5000)
    expect(await call(1)).toEqual([40007])
    await control.limits.unblock()
    expect(await control.limits.lockouts()).toEqual([])
    expect(await callOfOther(2)).toEqual([40007, 40007])
    simulator.limits.lockOut({ corp: other.corpId, method: 'media/upload' })
    expect(simulator.limits.lockouts()).toMatchObject([{ untilMs: simulator.clock.nowMs() + minuteMs }])
  })

  it('go back to the start with a reset', async () => {
    const simulator = await start({ rules: { minute: { calls: 2 } } })
    const atStart = simulator.limits.settings
    simulator.limits.change({ rules: { minute: { calls: 1 }, more: { per: 'ip', calls: 1, windowMs: 1 } } })
    expect(await (await callers(simulator))(2)).toEqual([40007, 45009])
    await simulator.reset()
    expect(simulator.limits.settings).toEqual(atStart)
    expect(simulator.limits.lockouts()).toEqual([])
    expect(await (await callers(simulator))(3)).toEqual([40007, 40007, 45009])
  })

  it.each([
    [{ rules: { minute: { calls: -1 } } }, /limits, 'rules', 'minute': 'calls' must be a whole number/],
    [{ rules: { minute: { windowMs: 'week' } } }, /'windowMs' must be a whole number of at least 1/],
    [{ rules: { minute: { method: 'media/put' } } }, /'method' must be one of: gettoken, media\/upload/],
    [{ rules: { minute: { colour: 'red' } } }, /'colour' is not known here/],
    [{ rules: { mine: { calls: 5, windowMs: 5 } } }, /a new rule needs 'per', 'calls' and 'windowMs'/],
    [{ rules: [] }, /limits, 'rules': must be a JSON object/],
    [{ windows: 'hopping' }, /'windows' must be one of: fixed, sliding/],
    [{ concurrency: 0 }, /'concurrency' must be a whole number of at least 1/],
    [{ trustedIps: '127.0.0.1' }, /'trustedIps' must be a list of texts/],
    [{ minute: 5 }, /'minute' is not known here/],
  ])('refuse %o with one line, and change nothing', async (change, line) => {
    const simulator = await start({})
    const init = { method: 'POST', body: JSON.stringify(change) }
    const answer = await getJson(`${simulator.controlUrl}/limits`, init)
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toMatch(line)
    expect(answer.json['error']).not.toContain('\n')
    expect(simulator.limits.settings).toEqual(defaultLimits)
    await expect(startSimulator({ limits: change as unknown as LimitChange })).rejects.toThrow(line)
  })
})
