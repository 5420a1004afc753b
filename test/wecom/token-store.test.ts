import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { memoryTokenStore } from '../../src/wecom/memory-token-store.ts'
import { redisTokenStore, type TokenKey, type TokenStore } from '../../src/wecom/token-store.ts'
import { testRedis } from '../support/redis.ts'
import { manualClock } from './manual-clock.ts'

interface Subject {
  readonly store: TokenStore
  pass(ms: number): Promise<void>
}

const stores: Record<string, () => Subject> = {
  memory() {
    const clock = manualClock()
    return { store: memoryTokenStore(clock), pass: ms => clock.advance(ms) }
  },
  redis() {
    const { redis, prefix } = testRedis()
    // Redis has its own clock: this is the one suite that has to sleep, for moments.
    return { store: redisTokenStore({ redis, prefix: `{${prefix}}` }), pass: ms => delay(ms + 20) }
  },
}

const key: TokenKey = { app: 'app', secret: 'one' }
const refusal = { kind: 'unavailable', message: 'no', errcode: 40001 } as const

describe.each(Object.keys(stores))('the token store in %s', name => {
  const open = () => stores[name]?.() as Subject

  test('knows nothing at first', async () => {
    expect(await open().store.look(key)).toEqual({})
  })

  test('gives a token to everybody of the app, with what is left of its life, until it ends', async () => {
    const { store, pass } = open()
    await store.lock(key, 'a', 5_000)
    expect(await store.accept(key, 'a', 'token', 100)).toBe(true)
    const { token } = await store.look({ ...key, secret: 'other' })
    expect(token).toMatchObject({ value: 'token', lifeMs: 100 })
    expect(token?.leftMs).toBeGreaterThan(0)
    expect(token?.leftMs).toBeLessThanOrEqual(100)
    expect(await store.look({ ...key, app: 'other' })).toEqual({})
    await pass(100)
    expect(await store.look(key)).toEqual({})
  })

  test('lets one owner refresh at a time, and another as soon as he is done or dead', async () => {
    const { store, pass } = open()
    expect(await store.lock(key, 'a', 300)).toBe(true)
    expect(await store.lock(key, 'b', 5_000)).toBe(false)
    await store.release(key, 'b')
    expect(await store.lock(key, 'b', 5_000)).toBe(false)
    await pass(300)
    expect(await store.lock(key, 'b', 5_000)).toBe(true)
    await store.release(key, 'b')
    expect(await store.lock(key, 'c', 5_000)).toBe(true)
    await store.accept(key, 'c', 'token', 5_000)
    expect(await store.lock(key, 'd', 5_000)).toBe(true)
  })

  test('takes nothing from an owner whose lock has ended', async () => {
    const { store, pass } = open()
    await store.lock(key, 'slow', 30)
    await pass(30)
    await store.lock(key, 'next', 5_000)
    await store.accept(key, 'next', 'newer', 5_000)
    expect(await store.accept(key, 'slow', 'older', 5_000)).toBe(false)
    await store.refuse(key, 'slow', refusal, 5_000)
    const { token, refusal: stored } = await store.look(key)
    expect([token?.value, stored]).toEqual(['newer', undefined])
  })

  test('remembers a refusal for its time, and only for the secret that was refused', async () => {
    const { store, pass } = open()
    await store.lock(key, 'a', 5_000)
    await store.refuse(key, 'a', refusal, 100)
    const stored = (await store.look(key)).refusal
    expect(stored?.report).toEqual(refusal)
    expect(stored?.leftMs).toBeLessThanOrEqual(100)
    expect(await store.look({ ...key, secret: 'corrected' })).toEqual({})
    expect(await store.lock(key, 'b', 5_000)).toBe(true)
    await pass(100)
    expect(await store.look(key)).toEqual({})
  })

  test('forgets a token only if it is still the one that was rejected', async () => {
    const { store } = open()
    await store.lock(key, 'a', 5_000)
    await store.accept(key, 'a', 'second', 5_000)
    await store.forget(key, 'first')
    expect((await store.look(key)).token?.value).toBe('second')
    await store.forget(key, 'second')
    await store.forget(key, 'second')
    expect(await store.look(key)).toEqual({})
  })

  test('lets nobody through a shut door but one prober, until it is opened', async () => {
    const { store } = open()
    const report = { kind: 'unavailable', message: 'not trusted', errcode: 60020 } as const
    await store.shut(key, report)
    expect(await store.look(key, true)).toMatchObject({ shut: { report } })
    const { shut } = await store.look({ ...key, secret: 'other' }, true)
    expect(shut?.leftMs).toBeGreaterThan(50_000)
    expect(await store.look({ ...key, app: 'other' }, true)).toEqual({})
    await store.reopen(key)
    expect(await store.look(key, true)).toEqual({})
  })
})

test('no key in Redis holds a corp or a secret, and all lie under the prefix', async () => {
  const { redis, prefix } = testRedis()
  const store = redisTokenStore({ redis, prefix: `{${prefix}}:p1` })
  await store.lock(key, 'a', 5_000)
  await store.refuse(key, 'a', refusal, 5_000)
  await store.lock(key, 'b', 5_000)
  await store.accept(key, 'b', 'token', 5_000)
  await store.lock(key, 'c', 5_000)
  const keys = await redis.keys(`*${prefix}*`)
  expect(keys.sort()).toEqual([
    `{${prefix}}:p1:token:app`,
    `{${prefix}}:p1:token:app:lock`,
    `{${prefix}}:p1:token:app:refused:one`,
  ])
})

test('a Redis that fails is a transient fault without the command and its token', async () => {
  const { redis, prefix } = testRedis()
  const store = redisTokenStore({ redis, prefix })
  await redis.set(`${prefix}:token:app`, 'no json {token-canary')
  await redis.lpush(`${prefix}:token:app:lock`, 'no string')
  const fault = await store.accept(key, 'a', 'token-canary', 1_000).catch(error => error)
  expect(fault).toMatchObject({ kind: 'transient', cause: { name: 'ReplyError' } })
  expect(JSON.stringify([fault.message, fault.cause])).not.toContain('canary')
})

test('a shut door is tried by one caller a minute', async () => {
  const clock = manualClock()
  const store = memoryTokenStore(clock)
  await store.shut(key, refusal)
  await clock.advance(60_000)
  expect(await store.look(key), 'who may not probe').toMatchObject({ shut: { report: refusal } })
  expect(await store.look(key, true)).toEqual({ isProbe: true })
  expect(await store.look(key, true)).toMatchObject({ shut: { report: refusal } })
  await clock.advance(60_000)
  expect(await store.look(key, true)).toEqual({ isProbe: true })
})

test('in Redis, too, a shut door is tried by one caller at a time', async () => {
  const { redis, prefix } = testRedis()
  const store = redisTokenStore({ redis, prefix: `{${prefix}}` })
  await store.shut(key, refusal)
  // The minute has passed; Redis has its own clock.
  await redis.hset(`{${prefix}}:token:${key.app}:door`, 'nextMs', Date.now() - 1)
  const looks = await Promise.all(Array.from({ length: 50 }, () => store.look(key, true)))
  expect(looks.filter(({ isProbe }) => isProbe)).toHaveLength(1)
  expect(looks.filter(({ shut }) => shut)).toHaveLength(49)
})
