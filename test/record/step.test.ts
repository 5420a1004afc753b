import { expect, test } from 'vitest'
import { createRecords, type Request } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'

const request = (id: string): Request => ({
  id,
  name: 'media.async-upload',
  queue: 'async',
  payload: '{}',
  fingerprint: 'f1',
  deadlineMs: 60_000,
})

function setUp() {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const records = createRecords(redis, namespace)
  const claim = async (id = 'j') => {
    await redis.set(`${namespace}:async:${id}:lock`, 'me')
    const claim = await records.claim(request(id), { jobId: id, token: 'me' })
    if (claim.as !== 'claimed') throw new Error(claim.as)
    return claim
  }
  const speak = (fence: number, id = 'j') => records.sent({ id, fence, grantLifeMs: 1_000, marks: true })
  return { redis, records, namespace, claim, speak }
}

test('what a call brought is kept for the next attempt, and its call is no unknown one any more', async () => {
  const { records, claim, speak } = setUp()
  await records.open(request('j'))
  const first = await claim()
  expect([...first.steps]).toEqual([])
  await speak(first.fence)
  const kept = await records.keep({ id: 'j', fence: first.fence }, 'submitted:1', { jobId: 'a"b' })
  expect(kept).toMatchObject({ as: 'kept', units: 1, early: false, step: { value: { jobId: 'a"b' } } })
  const second = await claim()
  expect(second).toMatchObject({ unknown: false, units: 1 })
  const step = second.steps.get('submitted:1')
  expect(step?.value).toEqual({ jobId: 'a"b' })
  expect(second.nowMs - (step?.atMs ?? 0)).toBeLessThan(5_000)
  expect((await records.read('j'))?.steps).toEqual({ 'submitted:1': step })
})

test('the first result of a step stays; another one is counted as a duplicate, the same one sent again is not', async () => {
  const { records, claim, speak } = setUp()
  await records.open(request('j'))
  const { fence } = await claim()
  await speak(fence)
  await records.keep({ id: 'j', fence }, 'image:1', { url: 'one' })
  expect(await records.keep({ id: 'j', fence }, 'image:1', { url: 'one' })).toMatchObject({ units: 1 })
  expect(await records.read('j')).toMatchObject({ duplicates: 0, units: 1 })
  const other = await records.keep({ id: 'j', fence }, 'image:1', { url: 'two' })
  expect(other).toMatchObject({ as: 'kept', step: { value: { url: 'one' } } })
  expect(await records.read('j')).toMatchObject({ duplicates: 1, units: 1 })
})

test('a result that an overtaken attempt brings is kept, but the call of the current one stays under way', async () => {
  const { records, claim, speak } = setUp()
  await records.open(request('j'))
  const zombie = await claim()
  await speak(zombie.fence)
  const current = await claim()
  expect(current).toMatchObject({ unknown: true, units: 1 })
  await speak(current.fence)
  expect(await records.keep({ id: 'j', fence: zombie.fence }, 'image:1', { url: 'one' })).toEqual({
    as: 'fenced',
  })
  const next = await claim()
  expect(next).toMatchObject({ unknown: true, units: 2 })
  expect(next.steps.get('image:1')?.value).toEqual({ url: 'one' })
})

test('an ended job keeps no steps any more', async () => {
  const { records, claim } = setUp()
  await records.open(request('j'))
  const { fence } = await claim()
  await records.accept('j', {})
  expect(await records.keep({ id: 'j', fence }, 'image:1', {})).toEqual({ as: 'ended' })
})

test('what is heard of a job by its alias wakes it; what is heard before the alias is known is remembered', async () => {
  const { records, claim } = setUp()
  await records.open(request('j'))
  const { fence } = await claim()
  expect(await records.heard('ww1 jobid_1')).toBeUndefined()
  expect(
    await records.keep({ id: 'j', fence }, 'submitted:1', { n: 1 }, { alias: 'ww1 jobid_1' }),
  ).toMatchObject({
    early: true,
  })
  expect(await records.isWoken('j')).toBe(false)
  expect(await records.heard('ww1 jobid_1')).toEqual({
    id: 'j',
    queue: 'async',
    jobId: 'j',
    state: 'running',
  })
  expect(await records.isWoken('j')).toBe(true)
  expect(await records.heard('ww2 jobid_1')).toBeUndefined()
  const next = await claim()
  expect(await records.isWoken('j')).toBe(false)
  expect(next.nowMs - next.heardAtMs).toBeLessThan(5_000)
  await records.accept('j', {})
  expect(await records.heard('ww1 jobid_1')).toMatchObject({ state: 'done' })
  expect(await records.isWoken('j')).toBe(false)
})

test('the alias of a result that lost leads nowhere', async () => {
  const { records, claim } = setUp()
  await records.open(request('j'))
  const { fence } = await claim()
  await records.keep({ id: 'j', fence }, 'submitted:1', { n: 1 }, { alias: 'ww1 first' })
  await records.keep({ id: 'j', fence }, 'submitted:1', { n: 2 }, { alias: 'ww1 second' })
  expect(await records.heard('ww1 second')).toBeUndefined()
  expect(await records.heard('ww1 first')).toMatchObject({ id: 'j' })
})
