import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Fault } from '../../src/fault.ts'
import { memoryTokenStore } from '../../src/wecom/memory-token-store.ts'
import { memoryTicketStore } from '../../src/wecom/ticket-store.ts'
import { createTokens, type Tokens, type TokensOptions } from '../../src/wecom/token.ts'
import { suiteKey, tokenKey } from '../../src/wecom/token-key.ts'
import { redisTokenStore } from '../../src/wecom/token-store.ts'
import { testRedis } from '../support/redis.ts'
import { faultOf } from './files.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'

/** The token itself. */
const tokenAt = async (current: ReturnType<Tokens['current']>): Promise<string> => (await current).token

const key = tokenKey('https://platform/cgi-bin', { corpId: 'ww', secret: 'secret' }, 'default')
const lifeMs = 7_200_000

/** A platform that numbers its tokens, and can be told to hold on or to fail. */
function platform() {
  const state = { calls: 0, next: undefined as Error | undefined, hold: Promise.resolve() }
  const fetch = async () => {
    state.calls += 1
    const value = `token-${state.calls}`
    await state.hold
    const error = state.next
    if (error) throw error
    return { value, lifeMs }
  }
  return { state, fetch }
}

interface Bench extends ReturnType<typeof platform> {
  readonly clock: ManualClock
  readonly tokens: Tokens
  readonly more: (over?: Partial<TokensOptions>) => Tokens
}

function bench(): Bench {
  const clock = manualClock()
  const { state, fetch } = platform()
  const store = memoryTokenStore(clock)
  const more = (over: Partial<TokensOptions> = {}) =>
    createTokens({
      store,
      key,
      fetch,
      clock,
      lockMs: 12_000,
      owner: 'app "default"',
      random: () => 1,
      ...over,
    })
  return { clock, state, fetch, tokens: more(), more }
}

const no = (errcode: number, kind: 'token' | 'limit' | 'busy' | 'rejected') =>
  new Fault(kind, `gettoken: refused (errcode ${errcode})`, { errcode })

describe('the token', () => {
  test('is fetched once for a crowd in one process, and kept', async () => {
    const { tokens, state } = bench()
    const all = await Promise.all(Array.from({ length: 200 }, () => tokenAt(tokens.current())))
    expect(new Set(all)).toEqual(new Set(['token-1']))
    expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(state.calls).toBe(1)
  })

  test('is fetched once for two processes over one store', async () => {
    const { tokens, more, state, clock } = bench()
    const hold = Promise.withResolvers<void>()
    state.hold = hold.promise
    const both = Promise.all([tokenAt(tokens.current()), tokenAt(more().current())])
    await clock.advance(100)
    hold.resolve()
    await new Promise(resolve => setImmediate(resolve))
    await clock.advance(100)
    expect(await both).toEqual(['token-1', 'token-1'])
    expect(state.calls).toBe(1)
  })

  test('that was seen is not looked up again for 5 s, unless it is rejected or the door is shut', async () => {
    const { clock, more } = bench()
    const store = memoryTokenStore(clock)
    let looks = 0
    const counted = {
      ...store,
      look(...args: Parameters<typeof store.look>) {
        looks += 1
        return store.look(...args)
      },
    }
    const tokens = more({ store: counted })
    expect(await tokenAt(tokens.current())).toBe('token-1')
    await tokenAt(tokens.current())
    const before = looks
    await clock.advance(4_999)
    expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(looks).toBe(before)
    await tokens.reject('token-1')
    expect(await tokenAt(tokens.current())).toBe('token-2')
    expect(await tokenAt(tokens.current())).toBe('token-2')
    await tokens.shut(no(60020, 'rejected'))
    await expect(tokens.current()).rejects.toMatchObject({ errcode: 60020 })
  })

  test('that was looked up while it was rejected is not believed', async () => {
    const { clock, more } = bench()
    const store = memoryTokenStore(clock)
    let answered = Promise.resolve()
    const slow = {
      ...store,
      async look(...args: Parameters<typeof store.look>) {
        const found = await store.look(...args)
        await answered
        return found
      },
    }
    const tokens = more({ store: slow })
    await tokenAt(tokens.current())
    const hold = Promise.withResolvers<void>()
    answered = hold.promise
    const looking = tokenAt(tokens.current())
    await new Promise(resolve => setImmediate(resolve))
    await tokens.reject('token-1')
    hold.resolve()
    expect(await looking).toBe('token-1')
    expect(await tokenAt(tokens.current())).toBe('token-2')
  })

  test('that another process shut is found shut after 5 s', async () => {
    const { clock, tokens, more } = bench()
    await tokenAt(tokens.current())
    await tokenAt(tokens.current())
    await more().shut(no(60020, 'rejected'))
    await clock.advance(5_000)
    await expect(tokens.current()).rejects.toMatchObject({ errcode: 60020 })
  })

  test('is renewed before it ends, by one, while the others go on with the old one', async () => {
    const { tokens, more, state, clock } = bench()
    await tokenAt(tokens.current())
    await clock.advance(lifeMs * 0.91)
    const hold = Promise.withResolvers<void>()
    state.hold = hold.promise
    const renewing = tokenAt(tokens.current())
    await new Promise(resolve => setImmediate(resolve))
    expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(await tokenAt(more().current())).toBe('token-1')
    hold.resolve()
    expect(await renewing).toBe('token-2')
    expect(await tokenAt(tokens.current())).toBe('token-2')
    expect(state.calls).toBe(2)
  })

  test('that cannot be renewed early is used to its end, and not asked for again and again', async () => {
    const { tokens, state, clock } = bench()
    await tokenAt(tokens.current())
    await clock.advance(lifeMs * 0.95)
    state.next = new Fault('transient', 'away')
    for (let i = 0; i < 5; i += 1) expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(state.calls).toBe(2)
    await clock.advance(lifeMs * 0.05)
    expect((await faultOf(tokenAt(tokens.current()))).kind).toBe('transient')
  })

  test('whose early renewal is refused is used to its end, with one probe a minute', async () => {
    const { tokens, more, state, clock } = bench()
    await tokenAt(tokens.current())
    await clock.advance(lifeMs * 0.95)
    state.next = no(40001, 'token')
    expect(await tokenAt(tokens.current())).toBe('token-1')
    await clock.advance(30_000)
    expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(await tokenAt(more().current())).toBe('token-1')
    expect(state.calls).toBe(2)
    await clock.advance(30_000)
    expect(await tokenAt(tokens.current())).toBe('token-1')
    expect(state.calls).toBe(3)
  })

  test('that the platform rejected is fetched anew, once for all who met it', async () => {
    const { tokens, more, state } = bench()
    const other = more()
    const old = await tokenAt(tokens.current())
    expect(await tokenAt(other.current())).toBe(old)
    await Promise.all([tokens.reject(old), other.reject(old)])
    expect(await tokenAt(tokens.current())).toBe('token-2')
    await other.reject(old)
    expect(await tokenAt(other.current())).toBe('token-2')
    expect(state.calls).toBe(2)
  })

  test('is not waited for by a caller who leaves, and still comes for the others', async () => {
    const { tokens, state } = bench()
    const hold = Promise.withResolvers<void>()
    state.hold = hold.promise
    const leaving = new AbortController()
    const left = tokenAt(tokens.current(leaving.signal))
    const stays = tokenAt(tokens.current())
    await new Promise(resolve => setImmediate(resolve))
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    hold.resolve()
    expect(await stays).toBe('token-1')
  })
})

describe('a secret that the platform refuses', () => {
  test('is asked for once a minute by the whole fleet', async () => {
    const { tokens, more, state, clock } = bench()
    state.next = no(40001, 'token')
    const faults = Promise.all([tokens, more(), tokens, more()].map(each => faultOf(tokenAt(each.current()))))
    await new Promise(resolve => setImmediate(resolve))
    await clock.advance(100)
    expect((await faults).map(fault => fault.kind)).toEqual(Array(4).fill('unavailable'))
    await clock.advance(58_900)
    const last = await faultOf(tokenAt(more().current()))
    expect(last).toMatchObject({ kind: 'unavailable', errcode: 40001, waitMs: 1_000 })
    expect(last.message).toContain('app "default"')
    expect(state.calls).toBe(1)
    await clock.advance(1_000)
    await faultOf(tokenAt(tokens.current()))
    expect(state.calls).toBe(2)
  })

  test('does not close the app for a corrected secret', async () => {
    const { tokens, more, state } = bench()
    state.next = no(40001, 'token')
    await faultOf(tokenAt(tokens.current()))
    state.next = undefined
    const corrected = more({
      key: tokenKey('https://platform/cgi-bin', { corpId: 'ww', secret: 'corrected' }, 'default'),
    })
    expect(await tokenAt(corrected.current())).toBe('token-2')
  })

  test('a limit on gettoken is kept as a limit, an unknown code as unavailable, busy and silence are not remembered', async () => {
    for (const [error, kind, calls] of [
      [no(45009, 'limit'), 'limit', 1],
      [no(99_999, 'rejected'), 'unavailable', 1],
      [no(-1, 'busy'), 'busy', 2],
      [new Fault('transient', 'away'), 'transient', 2],
    ] as const) {
      const { tokens, state } = bench()
      state.next = error
      expect((await faultOf(tokenAt(tokens.current()))).kind).toBe(kind)
      expect((await faultOf(tokenAt(tokens.current()))).kind).toBe(kind)
      expect(state.calls).toBe(calls)
    }
  })
})

describe('keys', () => {
  const own = { corpId: 'ww', secret: 'secret' }
  const suite = { suiteId: 'wwsuite', suiteSecret: 'suite-secret', tickets: memoryTicketStore() }
  const tenant = { kind: 'third-party', corpId: 'ww', permanentCode: 'secret', suite } as const
  const base = tokenKey('https://a', own, 'app')

  test('differ in every dimension, and the app part does not depend on the secret', () => {
    const all = [
      base,
      tokenKey('https://b', own, 'app'),
      tokenKey('https://a', { ...own, corpId: 'wx' }, 'app'),
      tokenKey('https://a', own, 'ops'),
      tokenKey('https://a', { ...own, corpId: 'w' }, 'wapp'),
      tokenKey('https://a', { ...own, kind: 'agent-built' }, 'app'),
      tokenKey('https://a', { ...own, kind: 'provider' }, 'app'),
      tokenKey('https://a', tenant, 'app'),
      tokenKey('https://b', tenant, 'app'),
      tokenKey('https://a', { ...tenant, corpId: 'wx' }, 'app'),
      tokenKey('https://a', tenant, 'ops'),
      tokenKey('https://a', { ...tenant, suite: { ...suite, suiteId: 'wwother' } }, 'app'),
      suiteKey('https://a', suite),
      suiteKey('https://b', suite),
      suiteKey('https://a', { ...suite, suiteId: 'wwother' }),
      // Names that could be taken for a suite's.
      tokenKey('https://a', { ...own, corpId: 'suite' }, 'wwsuite'),
    ]
    expect(new Set(all.map(({ app }) => app)).size).toBe(all.length)
    const corrected = [
      [base, tokenKey('https://a', { ...own, secret: 'new' }, 'app')],
      [
        tokenKey('https://a', tenant, 'app'),
        tokenKey('https://a', { ...tenant, permanentCode: 'new' }, 'app'),
      ],
      [suiteKey('https://a', suite), suiteKey('https://a', { ...suite, suiteSecret: 'new' })],
    ] as const
    for (const [before, after] of corrected) {
      expect(after.app).toBe(before.app)
      expect(after.secret).not.toBe(before.secret)
    }
    expect(JSON.stringify(all)).not.toMatch(/ww|secret"?:"?secret/)
  })

  test('of a self-built app are those of the first version, which may run beside this one', () => {
    const hash = (...parts: string[]) =>
      createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
    const first = { app: hash('https://a', 'ww', 'app'), secret: hash('https://a', 'ww', 'app', 'secret') }
    expect(base).toEqual(first)
    expect(tokenKey('https://a', { ...own, kind: 'self-built' }, 'app')).toEqual(first)
  })
})

describe('over Redis', () => {
  const open = () => {
    const { redis, prefix } = testRedis()
    const { state, fetch } = platform()
    const more = (over: Partial<TokensOptions> = {}) =>
      createTokens({
        store: redisTokenStore({ redis, prefix }),
        key,
        fetch,
        clock: systemClock,
        lockMs: 400,
        owner: 'app "default"',
        ...over,
      })
    return { state, more, store: redisTokenStore({ redis, prefix }) }
  }

  test('four processes with fifty calls each make one gettoken call per token', async () => {
    const { state, more } = open()
    const fleet = [more(), more(), more(), more()]
    state.hold = delay(30)
    const crowd = () =>
      Promise.all(fleet.flatMap(each => Array.from({ length: 50 }, () => tokenAt(each.current()))))
    expect(new Set(await crowd())).toEqual(new Set(['token-1']))
    await Promise.all(fleet.map(each => each.reject('token-1')))
    expect(new Set(await crowd())).toEqual(new Set(['token-2']))
    expect(state.calls).toBe(2)
  })

  test('a refresher that dies holds the others up for the life of its lock, not longer', async () => {
    const { state, more, store } = open()
    const startedMs = performance.now()
    await store.lock(key, 'dead', 400)
    expect(await tokenAt(more().current())).toBe('token-1')
    const waitedMs = performance.now() - startedMs
    expect(waitedMs).toBeGreaterThan(250)
    expect(waitedMs).toBeLessThan(1_500)
    expect(state.calls).toBe(1)
  })

  test('a refresher that fails gives the lock back at once', async () => {
    const { state, more } = open()
    state.next = new Fault('transient', 'away')
    await faultOf(more({ lockMs: 60_000 }).current())
    state.next = undefined
    expect(await tokenAt(more({ lockMs: 60_000 }).current())).toBe('token-2')
  })
})
