import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { checkRedis, createRules } from '../../src/limits/index.ts'
import { atEnd } from '../support/at-end.ts'
import { ownRedis, startRedis, testRedis } from '../support/redis.ts'

const rules = createRules()

test('a Redis that keeps what it has is fine', async () => {
  const { redis } = testRedis()
  const { warnings, clockAheadMs } = await checkRedis(redis, systemClock, rules)
  expect(warnings).toEqual([])
  expect(Math.abs(clockAheadMs)).toBeLessThan(500)
})

test.runIf(ownRedis)('a Redis that evicts keys is refused with the reason and the remedy', async () => {
  const { url } = await startRedis()
  const redis = new Redis(url)
  atEnd(() => redis.disconnect())
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const fault = await checkRedis(redis, systemClock, rules).catch(fault => fault)
  expect(fault).toMatchObject({ kind: 'config' })
  expect(fault.message).toMatch(/allkeys-lru.*noeviction/)
})

test.runIf(ownRedis)('what an ACL hides is a warning; INFO is enough', async () => {
  const { url } = await startRedis()
  const admin = new Redis(url)
  atEnd(() => admin.disconnect())
  const as = async (user: string, ...rules: string[]) => {
    await admin.acl('SETUSER', user, 'on', '>pw', '~*', '+@all', ...rules)
    const redis = new Redis(url, { username: user, password: 'pw', enableReadyCheck: false })
    atEnd(() => redis.disconnect())
    return redis
  }
  expect(await checkRedis(await as('one', '-config'), systemClock, rules)).toMatchObject({ warnings: [] })
  const { warnings } = await checkRedis(await as('two', '-config', '-info'), systemClock, rules)
  expect(warnings).toEqual([expect.stringContaining('noeviction')])
  await admin.config('SET', 'maxmemory-policy', 'volatile-ttl')
  await expect(checkRedis(await as('one', '-config'), systemClock, rules)).rejects.toMatchObject({
    kind: 'config',
  })
})

test('a clock that differs from that of Redis by more than D/2 is a warning with its figure', async () => {
  const { redis } = testRedis()
  const ahead = (ms: number) => ({ ...systemClock, nowMs: () => Date.now() + ms })
  expect(await checkRedis(redis, ahead(3_600_000), rules)).toMatchObject({
    warnings: [expect.stringMatching(/3\d{6} ms/)],
  })
  expect((await checkRedis(redis, ahead(-5_000), rules)).warnings).toHaveLength(1)
})
