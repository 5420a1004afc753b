import { expect, test } from 'vitest'
import { createQuota, gatedMethods, readLimits, readPair } from '../../src/limits/index.ts'
import { lowerConcurrency, penalise } from '../../src/limits/penalty.ts'
import { pair, startMs, virtual } from './virtual.ts'

/** One refresh serves a fleet: the client does not gate gettoken. */

test('an untouched deployment reads as rested, for every corp and method', async () => {
  const { store } = virtual()
  const all = await readLimits(store, ['ww1', 'ww2'])
  expect(all.map(({ corp, method }) => [corp, method])).toEqual(
    ['ww1', 'ww2'].flatMap(corp => gatedMethods.map(method => [corp, method])),
  )
  const [first] = all
  expect(
    first?.buckets.map(({ rule, nextInMs, bookedAhead, rested }) => [rule, nextInMs, bookedAhead, rested]),
  ).toEqual(['minute', 'hour', 'ip-minute', 'ip-hour'].map(rule => [rule, 0, 0, 1]))
  expect(first).toMatchObject({ inLine: 0, rateShare: 1, concurrency: { underWay: 0, isLearned: false } })
  for (const key of ['penalty', 'forgotUntilMs', 'quota']) expect(first).not.toHaveProperty(key)
})

test('what is booked, in line, under way and closed can be read', async () => {
  const { store, asks, time } = virtual()
  for (let n = 0; n < 102; n += 1) await asks()
  for (let n = 0; n < 3; n += 1) await asks({ reachMs: 0 })
  const busy = await readPair(store, pair)
  const [minute] = busy.buckets
  expect(minute).toMatchObject({ rule: 'minute', amount: 5_000, windowMs: 60_000, bookedAhead: 102 })
  expect(minute?.nextInMs).toBeCloseTo(102 * 12.262, 1)
  expect(minute?.rested).toBeLessThan(0)
  expect(busy).toMatchObject({ inLine: 3, concurrency: { underWay: 1 }, nowMs: startMs })
  time.ms += 1
  await penalise(store, pair)
  await lowerConcurrency(store, pair)
  expect(await readPair(store, pair)).toMatchObject({
    penalty: { untilMs: startMs + 60_001, lengthMs: 60_000 },
    rateShare: 0.8,
    concurrency: { cap: 1, isLearned: true },
  })
  time.ms += 60_000
  expect(await readPair(store, pair)).not.toHaveProperty('penalty')
})

test('the quota stands beside its method', async () => {
  const { store } = virtual()
  const image = { corp: 'ww1', method: 'media/uploadimg' } as const
  await createQuota(store).reserve(image, 'a')
  expect((await readPair(store, image)).quota).toMatchObject({
    rules: [
      { rule: 'day', used: 1, left: 999 },
      { rule: 'month', used: 1, left: 2_999 },
    ],
  })
})

test('reading changes nothing', async () => {
  const { store, redis } = virtual()
  await readLimits(store, ['ww1'])
  expect(await redis.keys(`${store.namespace}:*`)).toEqual([])
})
