import { describe, expect, it } from 'vitest'
import { BadInput, createControl, defaultApp, type Simulator } from '../../src/simulator/index.ts'
import {
  askCorpToken,
  askProviderToken,
  askSuiteToken,
  corpTokenOf,
  otherSuite,
  provider,
  providerTokenOf,
  startProvider,
  suite,
  suiteTokenOf,
  tenant,
} from './providers.ts'
import { getJson, gettoken, type JsonAnswer, postFile, postJson, tokenOf, upload } from './wire.ts'

const minuteMs = 60_000

const codeOf = async (answer: Promise<JsonAnswer>): Promise<unknown> => (await answer).json['errcode']

const post = (simulator: Simulator, path: string, body: unknown): Promise<unknown> =>
  codeOf(postJson(simulator, path, body))

/** 40007 means that an access token is good: there is no such medium. */
const useToken = (simulator: Simulator, token: string): Promise<unknown> =>
  codeOf(getJson(`${simulator.baseUrl}/media/get?media_id=none&access_token=${token}`))

describe('service/get_suite_token', () => {
  it('answers a token and its life without a code in the body, and the code in the headers', async () => {
    const simulator = await startProvider()
    const { status, headers, json } = await askSuiteToken(simulator, simulator.issueTicket(suite.suiteId))
    expect([status, headers.get('error-code')]).toEqual([200, '0'])
    expect(json).toEqual({ suite_access_token: expect.stringMatching(/^[\w-]{100,512}$/), expires_in: 7200 })
    expect(simulator.log()).toMatchObject([
      { method: 'service/get_suite_token', errcode: 0, agent: 'ww_suite' },
    ])
  })

  it('answers errcode 0 where the switch says so', async () => {
    const simulator = await startProvider({ switches: { errcodeOnServiceTokens: true } })
    const { json } = await askSuiteToken(simulator, simulator.issueTicket(suite.suiteId))
    expect(json).toMatchObject({ errcode: 0, errmsg: 'ok', expires_in: 7200 })
  })

  it('takes a ticket for 30 minutes, also while there are newer ones, and not a moment longer', async () => {
    const simulator = await startProvider({ frozen: true })
    const ticket = simulator.issueTicket(suite.suiteId)
    simulator.advance(10 * minuteMs)
    const newer = simulator.issueTicket(suite.suiteId)
    expect(newer).not.toBe(ticket)
    simulator.advance(20 * minuteMs - 1)
    expect(await codeOf(askSuiteToken(simulator, ticket))).toBeUndefined()
    simulator.advance(1)
    expect(await codeOf(askSuiteToken(simulator, ticket))).toBe(40085)
    expect(await codeOf(askSuiteToken(simulator, newer))).toBeUndefined()
  })

  it('refuses a ticket that was made up, or issued to another suite, with 40085', async () => {
    const simulator = await startProvider()
    expect(await codeOf(askSuiteToken(simulator, 'made-up'))).toBe(40085)
    expect(await codeOf(askSuiteToken(simulator, simulator.issueTicket(otherSuite.suiteId)))).toBe(40085)
    const ticket = simulator.issueTicket(suite.suiteId)
    await simulator.reset()
    expect(await codeOf(askSuiteToken(simulator, ticket))).toBe(40085)
    expect(() => simulator.issueTicket('ww_none')).toThrow(
      new BadInput('a suite: there is none with id ww_none'),
    )
  })

  it('tells an unknown suite and a wrong secret apart', async () => {
    const simulator = await startProvider()
    const ticket = simulator.issueTicket(suite.suiteId)
    expect(await codeOf(askSuiteToken(simulator, ticket, { ...suite, suiteId: 'ww_none' }))).toBe(40083)
    expect(await codeOf(askSuiteToken(simulator, ticket, { ...suite, suiteSecret: 'x' }))).toBe(40080)
  })

  it.each([
    ['suite_id', 41021],
    ['suite_secret', 41024],
    ['suite_ticket', 41023],
  ])('refuses a body without %s with %i, and one that is a number with 40058', async (name, code) => {
    const simulator = await startProvider()
    const body = {
      suite_id: suite.suiteId,
      suite_secret: suite.suiteSecret,
      suite_ticket: simulator.issueTicket(suite.suiteId),
    }
    for (const nothing of [undefined, null, ''])
      expect(await post(simulator, 'service/get_suite_token', { ...body, [name]: nothing })).toBe(code)
    expect(await post(simulator, 'service/get_suite_token', { ...body, [name]: 7 })).toBe(40058)
  })

  it('refuses what is no JSON object with 40058 and a form with 40063', async () => {
    const simulator = await startProvider()
    expect(await post(simulator, 'service/get_suite_token', ['ww_suite'])).toBe(40058)
    const send = (body: string | URLSearchParams): Promise<unknown> =>
      codeOf(getJson(`${simulator.baseUrl}/service/get_suite_token`, { method: 'POST', body }))
    expect(await send('{"suite_id":')).toBe(40058)
    expect(await send('{}'.padEnd(140_000))).toBe(40058)
    expect(await send('{}'.padEnd(60_000))).toBe(41021)
    expect(await send(new URLSearchParams({ suite_id: 'ww_suite' }))).toBe(40063)
    expect(simulator.log({ errcode: 40058 }).at(-1)?.bytesIn).toBe(140_000)
  })
})

describe('service/get_corp_token', () => {
  it('answers a token that is good for the media of the company, and for no other', async () => {
    const simulator = await startProvider()
    const { json } = await askCorpToken(simulator, await suiteTokenOf(simulator))
    expect(json).toEqual({ access_token: expect.stringMatching(/^[\w-]{100,512}$/), expires_in: 7200 })
    const token = String(json['access_token'])
    const { json: uploaded } = await upload(simulator, { token })
    expect(uploaded['errcode']).toBe(0)
    const get = `${simulator.baseUrl}/media/get?media_id=${uploaded['media_id']}&access_token=`
    expect((await fetch(`${get}${token}`)).headers.get('content-disposition')).toContain('a.txt')
    expect(await codeOf(getJson(`${get}${await tokenOf(simulator)}`))).toBe(40007)
  })

  it('stands in the log with the provider, the suite and the company, and without their secrets', async () => {
    const simulator = await startProvider()
    const token = await corpTokenOf(simulator)
    const [call] = simulator.log({ method: 'service/get_corp_token' })
    expect(call).toMatchObject({ corp: 'ww_provider', agent: 'ww_suite', tenant: 'ww_tenant', errcode: 0 })
    const log = JSON.stringify(simulator.log())
    for (const secret of [token, tenant.permanentCode, suite.suiteSecret]) expect(log).not.toContain(secret)
  })

  it('answers the same token inside its validity, and another one after it', async () => {
    const simulator = await startProvider({ frozen: true })
    const token = await corpTokenOf(simulator)
    simulator.advance(7_199_000)
    expect(await corpTokenOf(simulator)).toBe(token)
    simulator.advance(1000)
    expect(await useToken(simulator, token)).toBe(42001)
    expect(await corpTokenOf(simulator)).not.toBe(token)
  })

  it('tells apart an unknown company, one that never authorised the suite, and a wrong code', async () => {
    const simulator = await startProvider()
    const token = await suiteTokenOf(simulator)
    const ask = (of: Partial<typeof tenant>): Promise<unknown> =>
      codeOf(askCorpToken(simulator, token, { ...tenant, ...of }))
    expect(await ask({ corpId: 'ww_none' })).toBe(40013)
    expect(await ask({ corpId: defaultApp.corpId })).toBe(48004)
    expect(await ask({ permanentCode: 'wrong' })).toBe(40084)
    expect(await codeOf(askCorpToken(simulator, await suiteTokenOf(simulator, otherSuite)))).toBe(48004)
  })

  it('is the wrong method for an agent-built app, which takes gettoken', async () => {
    const app = { corpId: tenant.corpId, secret: 'agent-built-code', kind: 'agent-built' } as const
    const simulator = await startProvider({ apps: [defaultApp, app] })
    const token = await suiteTokenOf(simulator)
    expect(await codeOf(askCorpToken(simulator, token, { ...tenant, permanentCode: app.secret }))).toBe(48002)
    expect(await codeOf(gettoken(simulator, app))).toBe(0)
    expect(await codeOf(gettoken(simulator, { corpId: tenant.corpId, secret: 'permanent' }))).toBe(40001)
  })

  it('ends with the authorisation: no new token, and the old one is dead, also when it is given again', async () => {
    const simulator = await startProvider()
    const token = await corpTokenOf(simulator)
    expect(simulator.directory.revoke(tenant)).toBe(true)
    expect(simulator.directory.revoke(tenant)).toBe(false)
    expect(await useToken(simulator, token)).toBe(40014)
    expect(await codeOf(askCorpToken(simulator, await suiteTokenOf(simulator)))).toBe(48004)
    simulator.directory.add({ tenants: [{ ...tenant, permanentCode: 'another' }] })
    expect(await useToken(simulator, token)).toBe(40014)
    const again = await askCorpToken(simulator, await suiteTokenOf(simulator), {
      ...tenant,
      permanentCode: 'another',
    })
    expect(await useToken(simulator, String(again.json['access_token']))).toBe(40007)
    await simulator.reset()
    expect(await useToken(simulator, await corpTokenOf(simulator))).toBe(40007)
  })

  it.each([
    ['auth_corpid', 41002],
    ['permanent_code', 41025],
  ])('refuses a body without %s with %i', async (name, code) => {
    const simulator = await startProvider()
    const path = `service/get_corp_token?suite_access_token=${await suiteTokenOf(simulator)}`
    const body = { auth_corpid: tenant.corpId, permanent_code: tenant.permanentCode }
    expect(await post(simulator, path, { ...body, [name]: undefined })).toBe(code)
  })

  it('counts for the provider where a limit stands', async () => {
    const simulator = await startProvider({ limits: { rules: { minute: { calls: 1 } } } })
    const token = await suiteTokenOf(simulator)
    expect(await codeOf(askCorpToken(simulator, token))).toBeUndefined()
    expect(await codeOf(askCorpToken(simulator, token))).toBe(45009)
    expect(simulator.limits.lockouts()).toMatchObject([
      { who: 'ww_provider', method: 'service/get_corp_token' },
    ])
  })
})

describe('a suite token', () => {
  it('is good for 7200 s of the simulator and then answers 42009', async () => {
    const simulator = await startProvider({ frozen: true })
    const token = await suiteTokenOf(simulator)
    simulator.advance(7_199_999)
    expect(await codeOf(askCorpToken(simulator, token))).toBeUndefined()
    simulator.advance(1)
    expect(await codeOf(askCorpToken(simulator, token))).toBe(42009)
  })

  it('answers 40082 when unknown and 41022 when missing', async () => {
    const simulator = await startProvider()
    expect(await codeOf(askCorpToken(simulator, 'made-up'))).toBe(40082)
    expect(await codeOf(askCorpToken(simulator, ''))).toBe(41022)
    expect(await post(simulator, 'service/get_corp_token', { suite_access_token: 'x' })).toBe(41022)
  })

  it.each([
    [40014, 40082],
    [42001, 42009],
  ] as const)('that was taken back early with %i answers %i, and the tokens of companies live on', async (errcode, code) => {
    const simulator = await startProvider()
    const [mine, theirs] = [await suiteTokenOf(simulator), await suiteTokenOf(simulator, otherSuite)]
    const corpToken = await corpTokenOf(simulator)
    expect(simulator.invalidateTokens({ suiteId: suite.suiteId, kind: 'suite', errcode })).toBe(1)
    expect(await codeOf(askCorpToken(simulator, mine))).toBe(code)
    expect(await codeOf(askCorpToken(simulator, theirs))).toBe(48004)
    expect(await useToken(simulator, corpToken)).toBe(40007)
    expect(simulator.invalidateTokens({ corpId: tenant.corpId })).toBe(1)
    expect(await useToken(simulator, corpToken)).toBe(40014)
  })
})

describe('service/get_provider_token', () => {
  it('answers a token and its life', async () => {
    const simulator = await startProvider()
    const { json } = await askProviderToken(simulator)
    expect(json).toMatchObject({ errcode: 0, errmsg: 'ok', expires_in: 7200 })
    expect(json['provider_access_token']).toMatch(/^[\w-]{100,512}$/)
    expect(simulator.log()).toMatchObject([{ corp: 'ww_provider', errcode: 0 }])
  })

  it('tells an unknown provider, a wrong secret and a missing parameter apart', async () => {
    const simulator = await startProvider()
    expect(await codeOf(askProviderToken(simulator, { ...provider, corpId: defaultApp.corpId }))).toBe(40013)
    expect(await codeOf(askProviderToken(simulator, { ...provider, providerSecret: 'x' }))).toBe(40001)
    expect(await codeOf(askProviderToken(simulator, { ...provider, corpId: '' }))).toBe(41002)
    expect(await codeOf(askProviderToken(simulator, { ...provider, providerSecret: '' }))).toBe(41024)
    const errcodes = { 'wrong-provider-secret': 40091, 'provider-secret-missing': 41004 }
    const other = await startProvider({ switches: { errcodes } })
    expect(await codeOf(askProviderToken(other, { ...provider, providerSecret: 'x' }))).toBe(40091)
    expect(await codeOf(askProviderToken(other, { ...provider, providerSecret: '' }))).toBe(41004)
  })
})

describe('a token of the wrong kind', () => {
  const usersOf = {
    access: ['media/upload?type=file', 'media/uploadimg?', 'media/upload_attachment?media_type=image'],
    suite: ['service/get_corp_token?'],
    provider: ['service/media/upload?type=file'],
  }
  const parameterOf = { access: '', suite: 'suite_', provider: 'provider_' }
  const kinds = ['access', 'suite', 'provider'] as const

  it.each(kinds)('answers 40014 at every method that wants %s', async kind => {
    const simulator = await startProvider()
    const tokens = {
      access: await corpTokenOf(simulator),
      suite: await suiteTokenOf(simulator),
      provider: await providerTokenOf(simulator),
    }
    for (const path of usersOf[kind]) {
      for (const other of kinds.filter(each => each !== kind)) {
        const answer = postFile(
          simulator,
          `${path}&${parameterOf[kind]}access_token=${tokens[other]}`,
          'content',
        )
        expect(await codeOf(answer), `${path} ${other}`).toBe(40014)
      }
    }
  })

  it('answers 40014 at media/get and its HD voice, and what the switch says instead', async () => {
    for (const code of [40014, 48002]) {
      const simulator = await startProvider({ switches: { errcodes: { 'wrong-token-kind': code } } })
      for (const token of [await suiteTokenOf(simulator), await providerTokenOf(simulator)]) {
        expect(await useToken(simulator, token)).toBe(code)
        const hd = `${simulator.baseUrl}/media/get/jssdk?media_id=none&access_token=${token}`
        expect(await codeOf(getJson(hd))).toBe(code)
      }
    }
  })
})

describe('the control API of accounts', () => {
  it('adds suites, tenants and providers, issues tickets, and withdraws an authorisation', async () => {
    const simulator = await startProvider({ suites: [], tenants: [], providers: [] })
    const control = createControl(simulator.controlUrl)
    await control.addAccounts({ suites: [suite], tenants: [tenant], providers: [provider] })
    const { json } = await askSuiteToken(simulator, await control.issueTicket(suite.suiteId))
    const suiteToken = String(json['suite_access_token'])
    const corpToken = String((await askCorpToken(simulator, suiteToken)).json['access_token'])
    expect(await useToken(simulator, corpToken)).toBe(40007)
    expect(await codeOf(askProviderToken(simulator))).toBe(0)
    expect(await control.invalidateTokens({ kind: 'provider' })).toBe(1)
    expect(await control.revokeTenant(tenant)).toBe(true)
    expect(await control.revokeTenant(tenant)).toBe(false)
    expect(await useToken(simulator, corpToken)).toBe(40014)
  })

  it('takes the permissions of an app and of a tenant', async () => {
    const simulator = await startProvider()
    const control = createControl(simulator.controlUrl)
    const app = { corpId: 'ww_added', secret: 's', kind: 'agent-built', permissions: [] } as const
    await control.addApp(app)
    const path = `media/upload_attachment?access_token=${await tokenOf(simulator, app)}`
    expect(await codeOf(postFile(simulator, path, 'content'))).toBe(48002)
  })

  it.each([
    ['tickets', '{"suiteId":"ww_none"}', /there is none with id ww_none/],
    ['tickets', '{}', /'suiteId' is missing/],
    ['tenants/revoke', '{"suiteId":"ww_suite"}', /'corpId' is missing/],
    ['accounts', '{"suites":{}}', /'suites' must be a list/],
    ['accounts', '{"suites":[{"suiteId":"a"}]}', /'suites': 'suiteSecret' is missing/],
    ['accounts', '{"tenants":[{"suiteId":"a","corpId":"b","secret":"c"}]}', /'permanentCode' is missing/],
    ['accounts', '{"providers":[{"corpId":"a","providerSecret":"b","x":1}]}', /'x' is not known here/],
    ['accounts', '{"app":[]}', /'app' is not known here/],
    ['apps', '{"corpId":"a","secret":"b","permissions":["all"]}', /may hold only: customer-contact/],
    ['apps', '{"corpId":"a","secret":"b","kind":"suite"}', /'kind' must be one of: self-built, agent-built/],
    ['tokens/invalidate', '{"kind":"refresh"}', /'kind' must be one of: access, suite, provider/],
  ])('refuses POST %s %s with 400 and one line', async (path, body, line) => {
    const simulator = await startProvider()
    const answer = await getJson(`${simulator.controlUrl}/${path}`, { method: 'POST', body })
    expect(answer.status).toBe(400)
    expect(answer.json['error']).toMatch(line)
  })
})
