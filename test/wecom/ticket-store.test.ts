import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { memoryTicketStore, redisTicketStore, type TicketStore } from '../../src/wecom/ticket-store.ts'
import { testRedis } from '../support/redis.ts'
import { manualClock } from './manual-clock.ts'

const stores: Record<string, () => TicketStore> = {
  memory: () => memoryTicketStore(manualClock()),
  redis() {
    const { redis, prefix } = testRedis()
    return redisTicketStore({ redis, prefix: `{${prefix}}:p1` })
  },
}

describe.each(Object.keys(stores))('the ticket store in %s', name => {
  const open = () => stores[name]?.() as TicketStore

  test('has none at first, and then the suite’s own', async () => {
    const store = open()
    expect(await store.newest('wwsuite')).toBeUndefined()
    await store.put('wwsuite', 'ticket', 1_000)
    expect(await store.newest('wwsuite')).toBe('ticket')
    expect(await store.newest('wwother')).toBeUndefined()
  })

  test('keeps the one that was issued last, in whatever order they come', async () => {
    const store = open()
    await store.put('wwsuite', 'second', 1_700_000_600_000)
    await store.put('wwsuite', 'first', 1_700_000_000_000)
    expect(await store.newest('wwsuite')).toBe('second')
    await store.put('wwsuite', 'third', 1_700_001_200_000)
    await store.put('wwsuite', 'of the same time', 1_700_001_200_000)
    expect(await store.newest('wwsuite')).toBe('third')
    // As numbers, not as text.
    await store.put('wwsuite', 'shorter and older', 999)
    expect(await store.newest('wwsuite')).toBe('third')
  })
})

test('a ticket lives 30 minutes, and a replay prolongs nothing', async () => {
  const clock = manualClock()
  const store = memoryTicketStore(clock)
  await store.put('wwsuite', 'ticket', 1_000)
  await clock.advance(29 * 60_000)
  expect(await store.newest('wwsuite')).toBe('ticket')
  await store.put('wwsuite', 'ticket', 1_000)
  await clock.advance(60_000)
  expect(await store.newest('wwsuite')).toBeUndefined()
})

test('in Redis, too, a ticket lives 30 minutes, and its key shows no suite', async () => {
  const { redis, prefix } = testRedis()
  const store = redisTicketStore({ redis, prefix: `{${prefix}}:p1` })
  await store.put('wwsuite', 'ticket', 1_000)
  const [key = ''] = await redis.keys(`*${prefix}*`)
  expect(key).toMatch(new RegExp(`^\\{${prefix}\\}:p1:ticket:[0-9a-f]{32}$`))
  const leftMs = await redis.pttl(key)
  expect(leftMs).toBeGreaterThan(29 * 60_000)
  expect(leftMs).toBeLessThanOrEqual(30 * 60_000)
  await redis.pexpire(key, 50)
  await store.put('wwsuite', 'ticket', 1_000)
  await delay(70)
  expect(await store.newest('wwsuite')).toBeUndefined()
})

test('a Redis that fails is a transient fault without the ticket', async () => {
  const { redis, prefix } = testRedis()
  const store = redisTicketStore({ redis, prefix })
  await store.put('wwsuite', 'ticket', 1)
  const [key = ''] = await redis.keys(`*${prefix}*`)
  await redis.set(key, 'no hash')
  for (const failing of [store.put('wwsuite', 'ticket-canary', 2), store.newest('wwsuite')]) {
    const fault = await failing.catch(error => error)
    expect(fault).toMatchObject({ kind: 'transient' })
    expect(JSON.stringify([fault.message, fault.cause])).not.toContain('canary')
  }
})
