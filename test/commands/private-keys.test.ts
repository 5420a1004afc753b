import { expect, test } from 'vitest'
import { forget, leaveCorner, takeCorner } from '../../src/commands/private-keys.ts'
import { testRedis } from '../support/redis.ts'

const day = 24 * 3_600_000

test('a corner that was left has no key more, and its neighbours keep theirs', async () => {
  const { redis, url, prefix } = testRedis()
  const shared = `{${prefix}}:p1`
  const [mine, other] = [await takeCorner(redis, shared), await takeCorner(redis, shared)]
  expect(mine).not.toBe(other)
  await redis.mset(`${mine}:a`, '1', `${mine}:b`, '1', `${other}:a`, '1', `${shared}:a`, '1')
  await leaveCorner(url, shared, mine)
  expect((await redis.keys(`*${prefix}*`)).toSorted()).toEqual(
    [`${shared}:a`, `${shared}:here`, `${other}:a`].toSorted(),
  )
  await leaveCorner(url, shared, other)
  expect(await redis.keys(`*${prefix}*`)).toEqual([`${shared}:a`])
})

test('a corner whose command was killed is cleared by a later one, after two days', async () => {
  const { redis, prefix } = testRedis()
  const shared = `{${prefix}}:p1`
  const [dead, young] = [await takeCorner(redis, shared), await takeCorner(redis, shared)]
  await redis.mset(`${dead}:a`, '1', `${young}:a`, '1')
  await redis.zadd(`${shared}:here`, Date.now() - 2 * day - 1_000, dead)
  await redis.zadd(`${shared}:here`, Date.now() - 2 * day + 60_000, young)
  const next = await takeCorner(redis, shared)
  expect(await redis.exists(`${dead}:a`)).toBe(0)
  expect(await redis.exists(`${young}:a`)).toBe(1)
  expect((await redis.zrange(`${shared}:here`, '0', '-1')).toSorted()).toEqual([young, next].toSorted())
})

test('a namespace with signs of a pattern is taken by the letter', async () => {
  const { redis, url, prefix } = testRedis()
  await redis.mset(`${prefix}[ab]*:x`, '1', `${prefix}a:x`, '1')
  await forget(url, `${prefix}[ab]*`)
  expect(await redis.keys(`${prefix}*`)).toEqual([`${prefix}a:x`])
})
