import { describe, expect, it } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import { getJson, gettoken, startSimulator, tokenOf } from './wire.ts'

const codeOf = async (simulator: { baseUrl: string }, query: string): Promise<unknown> =>
  (await getJson(`${simulator.baseUrl}/gettoken?${query}`)).json['errcode']

describe('gettoken', () => {
  it('answers a token of at most 512 bytes and its life, with the code in the headers too', async () => {
    const simulator = await startSimulator()
    const { status, headers, json } = await gettoken(simulator)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8')
    expect([headers.get('error-code'), headers.get('error-msg')]).toEqual(['0', 'ok'])
    expect(json).toMatchObject({ errcode: 0, errmsg: 'ok', expires_in: 7200 })
    expect(String(json['access_token'])).toMatch(/^[\w-]{100,512}$/)
  })

  it('refuses in the shape of production: HTTP 200, code in JSON and headers, hint, address, link', async () => {
    const simulator = await startSimulator()
    const { status, headers, json } = await gettoken(simulator, { ...defaultApp, secret: 'wrong' })
    expect(status).toBe(200)
    expect(headers.get('error-code')).toBe('40001')
    expect(headers.get('error-msg')).toBe(json['errmsg'])
    expect(json['errmsg']).toMatch(
      /^invalid credential, hint: \[\d+\], from ip: 127\.0\.0\.1, more info at https:\/\/open\.work\.weixin\.qq\.com\/devtool\/query\?e=40001$/,
    )
  })

  it('tells an unknown corp, a wrong secret and a missing parameter apart', async () => {
    const simulator = await startSimulator()
    const { corpId, secret } = defaultApp
    expect(await codeOf(simulator, `corpid=ww_nobody&corpsecret=${secret}`)).toBe(40013)
    expect(await codeOf(simulator, `corpid=${corpId}&corpsecret=x`)).toBe(40001)
    expect(await codeOf(simulator, `corpsecret=${secret}`)).toBe(41002)
    expect(await codeOf(simulator, `corpid=${corpId}`)).toBe(41004)
  })

  it('answers the same token inside its validity, with the seconds it has left', async () => {
    const simulator = await startSimulator({ frozen: true })
    const first = await gettoken(simulator)
    simulator.advance(7_000_000)
    const second = await gettoken(simulator)
    expect(second.json['access_token']).toBe(first.json['access_token'])
    expect(second.json['expires_in']).toBe(200)
  })

  it('answers a new token each time where the switch says so, and the old one stays good', async () => {
    const simulator = await startSimulator({ switches: { sameTokenInsideValidity: false } })
    const old = await tokenOf(simulator)
    expect(await tokenOf(simulator)).not.toBe(old)
    expect(await useToken(simulator, old)).toBe(40007)
  })

  it('keeps apart the tokens of two apps of one corp', async () => {
    const other = { corpId: defaultApp.corpId, secret: 'another', agent: '1000002' }
    const simulator = await startSimulator({ apps: [defaultApp, other] })
    const token = await tokenOf(simulator, other)
    expect(token).not.toBe(await tokenOf(simulator))
    await useToken(simulator, token)
    expect(simulator.log().at(-1)).toMatchObject({ corp: defaultApp.corpId, agent: '1000002' })
  })
})

/** The errcode of a call with this token for a medium that does not exist: 40007 means that the token is good. */
const useToken = async (simulator: { baseUrl: string }, token: string): Promise<unknown> =>
  (await getJson(`${simulator.baseUrl}/media/get?media_id=none&access_token=${token}`)).json['errcode']

describe('an access token', () => {
  it('is good for 7200 s of the simulator and then answers 42001', async () => {
    const simulator = await startSimulator({ frozen: true })
    const token = await tokenOf(simulator)
    simulator.advance(7_199_999)
    expect(await useToken(simulator, token)).toBe(40007)
    simulator.advance(1)
    expect(await useToken(simulator, token)).toBe(42001)
    expect(await tokenOf(simulator)).not.toBe(token)
  })

  it('answers 40014 when unknown and 41001 when missing, empty or only in the body', async () => {
    const simulator = await startSimulator()
    expect(await useToken(simulator, 'made-up')).toBe(40014)
    expect(await useToken(simulator, '')).toBe(41001)
    const inBody = await getJson(`${simulator.baseUrl}/media/upload?type=file`, {
      method: 'POST',
      body: new URLSearchParams({ access_token: await tokenOf(simulator) }),
    })
    expect(inBody.json['errcode']).toBe(41001)
  })

  it.each([
    40014, 42001,
  ] as const)('that was taken back early answers %i, and a new one is good', async errcode => {
    const simulator = await startSimulator()
    const token = await tokenOf(simulator)
    expect(simulator.invalidateTokens({ errcode })).toBe(1)
    expect(simulator.invalidateTokens({ errcode })).toBe(0)
    expect(await useToken(simulator, token)).toBe(errcode)
    expect(await useToken(simulator, await tokenOf(simulator))).toBe(40007)
  })

  it('of another corp survives when one corp loses its tokens', async () => {
    const other = { corpId: 'ww_other', secret: 'other' }
    const simulator = await startSimulator({ apps: [defaultApp, other] })
    const [mine, theirs] = [await tokenOf(simulator), await tokenOf(simulator, other)]
    simulator.invalidateTokens({ corpId: defaultApp.corpId })
    expect(await useToken(simulator, mine)).toBe(40014)
    expect(await useToken(simulator, theirs)).toBe(40007)
  })

  it('never stands in the log', async () => {
    const simulator = await startSimulator()
    const token = await tokenOf(simulator)
    await useToken(simulator, token)
    const log = JSON.stringify(simulator.log())
    expect(log).not.toContain(token)
    expect(log).not.toContain(defaultApp.secret)
  })
})

describe('everything else', () => {
  it('is 404 with JSON that names the known methods, and 405 for another verb', async () => {
    const simulator = await startSimulator()
    const unknown = await getJson(`${simulator.baseUrl}/media/nothing`)
    expect(unknown.status).toBe(404)
    expect(unknown.json['error']).toContain('media/upload')
    expect((await getJson(`${simulator.baseUrl}/constructor`)).status).toBe(404)
    expect((await getJson(`${simulator.baseUrl}/media/get`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${simulator.baseUrl}/gettoken`, { method: 'HEAD' })).status).toBe(405)
    expect(simulator.log({ method: 'media/nothing' })).toHaveLength(1)
  })
})
