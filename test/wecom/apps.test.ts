/** Apps of all kinds: which token they call with, where it comes from, who shares it, and what they cannot do. */

import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  type AsyncUpload,
  type CallEvent,
  type Client,
  type ClientOptions,
  createClient,
  memoryTicketStore,
  memoryTokenStore,
  redisTokenStore,
  type TicketStore,
  type TokenStore,
} from '../../src/wecom/index.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { faultOf, fileOf, small } from './files.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { accepted, reply, type Seen, startOrigin } from './origin.ts'

type Answer = (call: Seen, number: number) => unknown

/** A platform that numbers its tokens and takes the newest only; `refuse` answers in its place. */
async function platform(refuse: Answer = () => undefined) {
  const counts = new Map<string, number>()
  const next = (what: string) => {
    counts.set(what, (counts.get(what) ?? 0) + 1)
    return counts.get(what) ?? 0
  }
  const handle = (_: unknown, response: ServerResponse, call: Seen) => {
    const number = next(call.method)
    const refused = refuse(call, number)
    if (refused !== undefined) return reply(response, refused)
    const expires_in = 7200
    if (call.method === 'service/get_suite_token')
      return reply(response, { suite_access_token: `suite-${number}`, expires_in })
    if (call.method === 'service/get_corp_token') {
      const { auth_corpid: corp } = JSON.parse(call.body.toString())
      return reply(response, { access_token: `tenant-${corp}-${next(corp)}`, expires_in })
    }
    if (call.method === 'service/get_provider_token')
      return reply(response, { errcode: 0, provider_access_token: 'provider-1', expires_in: '7200' })
    if (call.method === 'gettoken')
      return reply(response, { access_token: `own-${call.query.get('corpsecret')}`, expires_in })
    return reply(response, accepted)
  }
  return startOrigin(handle, { givesTokens: false })
}

const permanentCode = 'permanent-canary-0123456789'
const suiteSecret = 'suite-canary-0123456789'

interface Fleet {
  readonly clock: ManualClock
  readonly tokens: TokenStore
  readonly tickets: TicketStore
  tenant(corpId: string, over?: Partial<ClientOptions>): Client
}

async function fleetAt(
  baseUrl: string,
  ticket: string | undefined = 'ticket-1',
  store?: TokenStore,
): Promise<Fleet> {
  const clock = manualClock()
  const tokens = store ?? memoryTokenStore(clock)
  const tickets = memoryTicketStore(clock)
  if (ticket) await tickets.put('wwsuite', ticket, 1_000)
  const suite = { suiteId: 'wwsuite', suiteSecret, tickets }
  return {
    clock,
    tokens,
    tickets,
    tenant(corpId, over = {}) {
      const common = {
        corpId,
        app: corpId,
        baseUrl,
        tokens,
        ...(!store && { clock }),
        retry: { firstWaitMs: 1 },
      }
      const client = createClient({
        ...common,
        kind: 'third-party',
        permanentCode,
        suite,
        ...over,
      } as ClientOptions)
      atEnd(() => client.close())
      return client
    },
  }
}

const upload = (client: Client) => client.upload(fileOf(small))
const tokensIn = (calls: readonly Seen[], method: string) =>
  calls.filter(call => call.method === method).map(({ query }) => Object.fromEntries(query))

describe('a third-party app', () => {
  test('calls with the company’s token, which it gets with the suite’s, which it gets with the ticket', async () => {
    const { baseUrl, seen } = await platform()
    const { tenant } = await fleetAt(baseUrl)
    await upload(tenant('wwa'))
    const json = ({ body }: Seen) => (body.length > 0 ? JSON.parse(body.toString()) : undefined)
    expect(seen.slice(0, 2).map(call => [call.method, Object.fromEntries(call.query), json(call)])).toEqual([
      [
        'service/get_suite_token',
        {},
        { suite_id: 'wwsuite', suite_secret: suiteSecret, suite_ticket: 'ticket-1' },
      ],
      [
        'service/get_corp_token',
        { suite_access_token: 'suite-1' },
        { auth_corpid: 'wwa', permanent_code: permanentCode },
      ],
    ])
    expect(tokensIn(seen, 'media/upload')).toEqual([{ access_token: 'tenant-wwa-1', type: 'file' }])
    expect(seen).toHaveLength(3)
  })

  test('shares the suite’s token with all tenants, and each has its own', async () => {
    const { redis, prefix } = testRedis()
    const origin = await platform()
    const { tenant } = await fleetAt(origin.baseUrl, 'ticket-1', redisTokenStore({ redis, prefix }))
    const corps = ['wwa', 'wwb', 'wwc', 'wwd']
    // Two processes of each tenant.
    await Promise.all([...corps, ...corps].map(corp => upload(tenant(corp))))
    expect(origin.count('service/get_suite_token')).toBe(1)
    expect(origin.count('service/get_corp_token')).toBe(4)
    const used = tokensIn(origin.seen, 'media/upload').map(query => query['access_token'])
    expect(used.sort()).toEqual(corps.flatMap(corp => [`tenant-${corp}-1`, `tenant-${corp}-1`]))
  })

  test('renews a company’s token that was rejected, and leaves the suite’s alone', async () => {
    const origin = await platform(({ method }, number) =>
      method === 'media/upload' && number === 1 ? { errcode: 42001, errmsg: 'expired' } : undefined,
    )
    const { tenant } = await fleetAt(origin.baseUrl)
    await upload(tenant('wwa'))
    expect(tokensIn(origin.seen, 'media/upload').map(query => query['access_token'])).toEqual([
      'tenant-wwa-1',
      'tenant-wwa-2',
    ])
    expect(origin.count('service/get_suite_token')).toBe(1)
  })

  test.each([
    42009, 40082,
  ])('whose suite token is rejected (%i) gets one new one, once for all tenants', async errcode => {
    const origin = await platform(({ method, query }) =>
      method === 'service/get_corp_token' && query.get('suite_access_token') === 'suite-1'
        ? { errcode, errmsg: 'x' }
        : undefined,
    )
    const { tenant } = await fleetAt(origin.baseUrl, 'ticket-1', memoryTokenStore())
    await Promise.all(['wwa', 'wwb', 'wwc'].map(corp => upload(tenant(corp))))
    expect(origin.count('service/get_suite_token')).toBe(2)
    expect(origin.count('media/upload')).toBe(3)
  })

  test('whose suite token is rejected again gives up, and nobody asks for a minute', async () => {
    const origin = await platform(({ method }) =>
      method === 'service/get_corp_token' ? { errcode: 42009, errmsg: 'x' } : undefined,
    )
    const { tenant, clock } = await fleetAt(origin.baseUrl)
    const client = tenant('wwa')
    for (let i = 0; i < 3; i += 1)
      expect(await faultOf(upload(client))).toMatchObject({ kind: 'unavailable', errcode: 42009 })
    expect(await faultOf(upload(tenant('wwa')))).toMatchObject({ kind: 'unavailable' })
    expect(origin.count('service/get_corp_token')).toBe(2)
    await clock.advance(60_000)
    await faultOf(upload(client))
    expect(origin.count('service/get_corp_token')).toBe(4)
  })

  test('without a ticket waits for one, and makes no call', async () => {
    const { baseUrl, seen } = await platform()
    const { tenant, tickets } = await fleetAt(baseUrl, '')
    const client = tenant('wwa')
    const fault = await faultOf(upload(client))
    expect(fault).toMatchObject({ kind: 'unavailable', waitMs: 60_000, errcode: undefined })
    expect(fault.message).toMatch(/suite_ticket.*"wwsuite".*10 minutes.*by hand/)
    expect(seen).toEqual([])
    await tickets.put('wwsuite', 'ticket-2', 2_000)
    await upload(client)
    expect(seen).toHaveLength(3)
  })

  test('with a ticket that is over closes the suite for a minute, and no tenant for longer than that', async () => {
    const origin = await platform(({ method, body }) =>
      method === 'service/get_suite_token' && body.includes('ticket-1')
        ? { errcode: 40085, errmsg: 'invalid suite ticket' }
        : undefined,
    )
    const { tenant, clock, tickets } = await fleetAt(origin.baseUrl)
    const clients = ['wwa', 'wwb', 'wwc'].map(corp => tenant(corp))
    for (const client of clients) {
      const fault = await faultOf(upload(client))
      expect(fault).toMatchObject({ kind: 'unavailable', errcode: 40085 })
      expect(fault.message).toContain('suite "wwsuite" is closed')
      expect(await client.closed()).toMatchObject({ errcode: 40085 })
      await clock.advance(15_000)
    }
    expect(origin.seen).toHaveLength(1)
    await tickets.put('wwsuite', 'ticket-2', 2_000)
    await clock.advance(15_000)
    for (const client of clients) await upload(client)
    expect(await clients[2]?.closed()).toBeUndefined()
  })

  test.each([
    40084, 48003, 48004, 40013,
  ])('that a company no longer wants (%i) is closed for a minute, and the other tenants go on', async errcode => {
    const origin = await platform(({ method, body }) =>
      method === 'service/get_corp_token' && body.includes('"wwgone"') ? { errcode, errmsg: 'x' } : undefined,
    )
    const { tenant } = await fleetAt(origin.baseUrl)
    const gone = tenant('wwgone')
    for (let i = 0; i < 3; i += 1)
      expect(await faultOf(upload(gone))).toMatchObject({ kind: 'unavailable', errcode })
    expect(await gone.closed()).toMatchObject({ kind: 'unavailable', errcode })
    await upload(tenant('wwb'))
    expect(origin.count('service/get_corp_token')).toBe(2)
    expect(origin.count('service/get_suite_token')).toBe(1)
  })

  test('is tried again at once with a new permanent code', async () => {
    const origin = await platform(({ method, body }) =>
      method === 'service/get_corp_token' && body.includes(permanentCode)
        ? { errcode: 40084, errmsg: 'x' }
        : undefined,
    )
    const { tenant } = await fleetAt(origin.baseUrl)
    await faultOf(upload(tenant('wwa')))
    await upload(tenant('wwa', { permanentCode: 'another' }))
  })

  test('at an address that is not trusted is shut, and tried once a minute', async () => {
    let trusted = false
    const origin = await platform(({ method }) =>
      method === 'media/upload' && !trusted
        ? { errcode: 60020, errmsg: 'x, from ip: 203.0.113.9' }
        : undefined,
    )
    const { tenant, clock } = await fleetAt(origin.baseUrl)
    const clients = [tenant('wwa'), tenant('wwa')]
    for (const client of [...clients, ...clients])
      expect(await faultOf(upload(client))).toMatchObject({ kind: 'unavailable', errcode: 60020 })
    expect(origin.count('media/upload')).toBe(1)
    trusted = true
    await clock.advance(60_000)
    await upload(clients[1] as Client)
    expect(await clients[0]?.closed()).toBeUndefined()
  })

  test('shows no secret in faults and events, whatever goes wrong', async () => {
    const events: CallEvent[] = []
    const tell = (event: CallEvent) => void events.push(event)
    const shown: unknown[] = []
    for (const wrong of ['service/get_suite_token', 'service/get_corp_token', 'media/upload']) {
      for (const answer of [
        { errcode: 40084, errmsg: `${permanentCode} ${suiteSecret}` },
        'suite-canary {',
      ]) {
        const origin = await platform(({ method }) => (method === wrong ? answer : undefined))
        const { tenant } = await fleetAt(origin.baseUrl, 'ticket-canary')
        const client = tenant('wwa', { onCall: tell, retry: { transientTries: 0 } })
        const fault = await faultOf(upload(client))
        shown.push(fault, fault.cause, fault.stack, await client.closed())
      }
    }
    expect(events.length).toBeGreaterThan(6)
    expect(inspect([shown, events], { depth: 9, maxStringLength: null })).not.toMatch(
      /canary|suite-1|tenant-wwa/,
    )
  })
})

describe('apps at one store', () => {
  test('of every kind, in one company and under one name, have their own token', async () => {
    const { baseUrl, seen } = await platform()
    const { tenant, tokens, clock } = await fleetAt(baseUrl)
    const make = (options: Pick<ClientOptions, 'kind'>, secret: string) => {
      const client = createClient({
        ...options,
        corpId: 'wwa',
        secret,
        app: 'wwa',
        baseUrl,
        tokens,
        clock,
      } as ClientOptions)
      atEnd(() => client.close())
      return client
    }
    await upload(make({ kind: 'self-built' }, 'one'))
    await upload(make({ kind: 'agent-built' }, 'two'))
    await upload(tenant('wwa'))
    await make({ kind: 'provider' }, 'three').uploadForProvider(fileOf(small))
    expect(tokensIn(seen, 'media/upload').map(query => query['access_token'])).toEqual([
      'own-one',
      'own-two',
      'tenant-wwa-1',
    ])
    expect(tokensIn(seen, 'gettoken')).toEqual([
      { corpid: 'wwa', corpsecret: 'one' },
      { corpid: 'wwa', corpsecret: 'two' },
    ])
    expect(tokensIn(seen, 'service/media/upload')).toEqual([
      { provider_access_token: 'provider-1', type: 'file' },
    ])
  })
})

describe('a method whose token the app cannot have', () => {
  const url: AsyncUpload = { type: 'file', name: 'a', url: 'http://a/', md5: 'a'.repeat(32) }

  test('is refused before anything is sent, naming the kind, the method and what to use', async () => {
    const { baseUrl, seen } = await platform()
    const { tenant, tokens } = await fleetAt(baseUrl)
    const make = (kind: 'provider' | 'agent-built') =>
      createClient({ kind, corpId: 'wwa', secret: 's', app: 'crm', baseUrl, tokens })
    const [provider, agent] = [make('provider'), make('agent-built')]
    atEnd(() => Promise.all([provider.close(), agent.close()]))
    const wrong: [Promise<unknown>, RegExp][] = [
      [
        provider.upload(fileOf(small)),
        /media\/upload .*access_token.*"crm".*provider.*self-built, agent-built, third-party/,
      ],
      [provider.get('1abc'), /media\/get /],
      [provider.getHd('1abc'), /media\/get\/jssdk /],
      [provider.uploadByUrl(url), /media\/upload_by_url /],
      [provider.uploadByUrlResult('j'), /media\/get_upload_by_url_result /],
      [
        agent.uploadForProvider(fileOf(small)),
        /service\/media\/upload .*provider_access_token.*agent-built.*kind provider/,
      ],
      [tenant('wwa').uploadForProvider(fileOf(small)), /third-party.*kind provider/],
    ]
    for (const [call, message] of wrong) {
      const fault = await faultOf(call)
      expect(fault.kind).toBe('config')
      expect(fault.message).toMatch(message)
    }
    expect(seen).toEqual([])
  })
})

describe('a client', () => {
  const suite = { suiteId: 'wwsuite', suiteSecret, tickets: memoryTicketStore() }
  const whole = { kind: 'third-party', corpId: 'wwa', permanentCode, suite, app: 'crm' } as const
  test.each([
    ['no permanent code', { ...whole, permanentCode: '' }],
    ['no suite', { ...whole, suite: undefined }],
    ['no suite id', { ...whole, suite: { ...suite, suiteId: '' } }],
    ['no suite secret', { ...whole, suite: { ...suite, suiteSecret: '' } }],
    ['no ticket store', { ...whole, suite: { ...suite, tickets: undefined } }],
    ['no corp', { ...whole, corpId: '' }],
    ['a kind that is not there', { ...whole, kind: 'toString' }],
  ])('of a third-party app with %s cannot be made, and the message says what is needed', (_, options) => {
    const make = () => createClient(options as ClientOptions)
    expect(make).toThrow(expect.objectContaining({ kind: 'config' }))
    expect(make).toThrow(/"crm".*(suite id|third-party)/)
    expect(make).not.toThrow(/canary/)
  })
})
