import fc from 'fast-check'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import {
  createQuota,
  createRules,
  createStore,
  type LimitsConfig,
  type Pair,
  quotaFault,
} from '../../src/limits/index.ts'
import { blockQuota } from '../../src/limits/quota.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { virtual } from './virtual.ts'

const image: Pair = { corp: 'ww1', method: 'media/uploadimg' }

const quotaOf = (quota: object): LimitsConfig => ({ methods: { 'media/uploadimg': { quota } as never } })
const perDay = (amount: number) => quotaOf({ day: { amount }, month: null })
const perMonth = (amount: number) => quotaOf({ day: null, month: { amount } })
const last30 = (amount: number) => quotaOf({ day: null, month: { amount, per: '30-days' } })

/** A quota at an instant; without an edge, so that the calendar itself is seen. */
function at(iso: string, config: LimitsConfig = {}, quotaEdgeMs = 0) {
  const world = virtual({ config, tuning: { quotaEdgeMs } })
  const quota = createQuota(world.store)
  const go = (when: string) => {
    world.time.ms = Date.parse(when)
  }
  go(iso)
  let units = 0
  return {
    ...world,
    quota,
    go,
    one: () => quota.reserve(image, `u${++units}`),
    earliest: (answer: { as: string }) =>
      'earliestAtMs' in answer ? new Date(answer.earliestAtMs as number).toISOString() : answer.as,
  }
}

test('R06: eight clients reserve 500 times each for 100 units: exactly 100 are given', async () => {
  const { url, prefix } = testRedis()
  const clients = Array.from({ length: 8 }, () => new Redis(url))
  atEnd(() => clients.map(client => client.disconnect()))
  const rules = createRules(perDay(100))
  const answers = await Promise.all(
    clients.flatMap((redis, c) => {
      const quota = createQuota(createStore({ redis, namespace: `{${prefix}}:p0`, rules }))
      return Array.from({ length: 500 }, (_, n) => quota.reserve(image, `${c}:${n}`))
    }),
  )
  expect(answers.filter(({ as }) => as === 'reserved')).toHaveLength(100)
  expect(answers.filter(({ as }) => as === 'full')).toHaveLength(3_900)
})

test('R09: a unit is spent once however often it is asked for, stays when nobody gives it back, and is free again when somebody does', async () => {
  const { quota } = at('2026-10-05T00:00:00Z', perDay(2))
  expect(await quota.reserve(image, 'job:0')).toEqual({ as: 'reserved' })
  for (let n = 0; n < 5; n += 1) expect(await quota.reserve(image, 'job:0')).toEqual({ as: 'held' })
  expect((await quota.usage(image)).rules[0]).toMatchObject({ used: 1, left: 1 })
  // Its call was lost: the unit stays, the next one is another.
  expect(await quota.reserve(image, 'job:1')).toEqual({ as: 'reserved' })
  expect(await quota.reserve(image, 'other:0')).toMatchObject({ as: 'full', rule: 'day' })
  expect(await quota.reserve(image, 'job:1'), 'one that is held needs no room').toEqual({ as: 'held' })
  await quota.giveBack(image, 'job:1')
  await quota.giveBack(image, 'never')
  expect(await quota.reserve(image, 'other:0')).toEqual({ as: 'reserved' })
})

test('corps have their own quota, and other methods have none', async () => {
  const { quota, one } = at('2026-10-05T00:00:00Z', perDay(1))
  await one()
  expect(await one()).toMatchObject({ as: 'full' })
  expect(await quota.reserve({ ...image, corp: 'ww2' }, 'a')).toEqual({ as: 'reserved' })
  expect(await quota.reserve({ ...image, method: 'media/upload' }, 'a')).toEqual({ as: 'held' })
})

test.each([
  // R07: the day ends at 16:00 UTC, the month with the last of them.
  ['2026-10-05T15:59:59.999Z', '2026-10-05T16:00:00.000Z', '2026-10-31T16:00:00.000Z'],
  ['2026-10-05T16:00:00.000Z', '2026-10-06T16:00:00.000Z', '2026-10-31T16:00:00.000Z'],
  ['2026-10-31T15:59:59.000Z', '2026-10-31T16:00:00.000Z', '2026-10-31T16:00:00.000Z'],
  ['2026-12-31T15:59:59.000Z', '2026-12-31T16:00:00.000Z', '2026-12-31T16:00:00.000Z'],
  ['2026-12-31T16:00:00.000Z', '2027-01-01T16:00:00.000Z', '2027-01-31T16:00:00.000Z'],
  ['2027-02-28T16:00:00.000Z', '2027-03-01T16:00:00.000Z', '2027-03-31T16:00:00.000Z'],
  ['2028-02-28T16:00:00.000Z', '2028-02-29T16:00:00.000Z', '2028-02-29T16:00:00.000Z'],
  ['2028-02-29T16:00:00.000Z', '2028-03-01T16:00:00.000Z', '2028-03-31T16:00:00.000Z'],
  ['2099-12-31T15:59:59.999Z', '2099-12-31T16:00:00.000Z', '2099-12-31T16:00:00.000Z'],
])('R07: what is full at %s is free at %s by the day and at %s by the month', async (now, day, month) => {
  const [byDay, byMonth] = [at(now, perDay(1)), at(now, perMonth(1))]
  for (const { one, earliest, go } of [byDay, byMonth]) {
    await one()
    const free = byDay.one === one ? day : month
    const refused = await one()
    expect(earliest(refused)).toBe(free)
    go(new Date(Date.parse(free) - 1).toISOString())
    expect((await one()).as).toBe('full')
    go(free)
    expect((await one()).as).toBe('reserved')
  }
})

test('R07: the calendar is that of Asia/Shanghai at every instant, whatever the zone of the process', async () => {
  const { go, quota } = at('2026-01-01T00:00:00Z')
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai' })
  const usual = process.env['TZ']
  const instants = fc.integer({ min: Date.UTC(2024, 0, 1) / 1_000, max: Date.UTC(2099, 11, 31) / 1_000 })
  const zones = fc.constantFrom('America/New_York', 'Pacific/Apia', 'UTC', 'Asia/Shanghai')
  try {
    await fc.assert(
      fc.asyncProperty(instants, zones, async (second, zone) => {
        process.env['TZ'] = zone
        go(new Date(second * 1_000).toISOString())
        const [day, month] = (await quota.usage(image)).rules
        const [year = 0, monthNo = 0, dayNo = 0] = format
          .format(second * 1_000)
          .split('-')
          .map(Number)
        const start = (y: number, m: number, d: number) => Date.UTC(y, m, d) - 8 * 3_600_000
        expect(day).toMatchObject({
          ...{ startMs: start(year, monthNo - 1, dayNo), endsAtMs: start(year, monthNo - 1, dayNo + 1) },
        })
        expect(month).toMatchObject({
          ...{ startMs: start(year, monthNo - 1, 1), endsAtMs: start(year, monthNo, 1) },
        })
      }),
      { numRuns: 300 },
    )
  } finally {
    if (usual === undefined) delete process.env['TZ']
    else process.env['TZ'] = usual
  }
})

test('day and month both say yes or neither is charged; the answer is the later of the two', async () => {
  const config = quotaOf({ day: { amount: 2 }, month: { amount: 3 } })
  const { one, go, earliest, quota } = at('2026-10-05T00:00:00Z', config)
  await one()
  await one()
  expect(earliest(await one())).toBe('2026-10-05T16:00:00.000Z')
  go('2026-10-06T00:00:00Z')
  await one()
  const refused = await one()
  expect(refused).toMatchObject({ rule: 'month', waitMs: 25 * 86_400_000 + 16 * 3_600_000 })
  expect(earliest(refused)).toBe('2026-10-31T16:00:00.000Z')
  expect((await quota.usage(image)).rules).toMatchObject([
    { rule: 'day', used: 1, left: 1 },
    { rule: 'month', used: 3, left: 0 },
  ])
})

test('where both are full, the later one says when', async () => {
  const { one, earliest } = at('2026-10-05T00:00:00Z', quotaOf({ day: { amount: 1 }, month: { amount: 1 } }))
  await one()
  const refused = await one()
  expect(refused).toMatchObject({ rule: 'month' })
  expect(earliest(refused)).toBe('2026-10-31T16:00:00.000Z')
})

test('a month as a window frees each unit 30 days after it was spent', async () => {
  const { one, go, earliest, store } = at('2026-10-05T00:00:00Z', last30(2))
  await one()
  go('2026-10-20T12:00:00Z')
  await one()
  expect(earliest(await one())).toBe('2026-11-04T00:00:00.001Z')
  go('2026-11-01T00:00:00Z')
  expect((await one()).as, 'a new month changes nothing').toBe('full')
  go('2026-11-04T00:00:00.001Z')
  expect((await one()).as).toBe('reserved')
  expect(earliest(await one())).toBe('2026-11-19T12:00:00.001Z')
  const less = createQuota({ ...store, rules: createRules(last30(1)) })
  expect(earliest(await less.reserve(image, 'x')), 'with a smaller amount two must leave').toBe(
    '2026-12-04T00:00:00.002Z',
  )
})

test('a unit that was reserved and never sent moves to the day on which it is asked for again', async () => {
  const { quota, go } = at('2026-10-05T15:00:00Z', perDay(1))
  await quota.reserve(image, 'job:0')
  go('2026-10-05T17:00:00Z')
  expect(await quota.reserve(image, 'other:0')).toEqual({ as: 'reserved' })
  expect(await quota.reserve(image, 'job:0'), 'the new day is full').toMatchObject({ as: 'full' })
  go('2026-10-06T17:00:00Z')
  expect(await quota.reserve(image, 'job:0')).toEqual({ as: 'reserved' })
  expect((await quota.usage(image)).rules[0]).toMatchObject({ used: 1 })
})

test('a unit that moves needs no room beside itself', async () => {
  for (const config of [perMonth(1), last30(1)]) {
    const { quota, go } = at('2026-10-05T00:00:00Z', config)
    await quota.reserve(image, 'job:0')
    go('2026-10-07T00:00:00Z')
    expect(await quota.reserve(image, 'job:0')).toEqual({ as: 'reserved' })
  }
})

test('near midnight a unit counts on both sides, because the platform’s clock is not ours', async () => {
  const { one, go, earliest } = at('2026-10-05T15:59:30Z', perDay(2), 60_000)
  await one()
  go('2026-10-05T16:00:30Z')
  expect((await one()).as, 'perhaps it is still yesterday there').toBe('reserved')
  const refused = await one()
  expect(earliest(refused), 'perhaps both were today').toBe('2026-10-06T16:01:00.000Z')
  go('2026-10-05T16:02:00Z')
  expect((await one()).as, 'nor is the last minute forgotten when the day is older').toBe('full')
  const next = at('2026-10-05T12:00:00Z', perDay(2), 60_000)
  await next.one()
  await next.one()
  expect(next.earliest(await next.one())).toBe('2026-10-05T16:01:00.000Z')
  next.go('2026-10-05T16:00:30Z')
  expect(next.earliest(await next.one())).toBe('2026-10-05T16:01:00.000Z')
  next.go('2026-10-05T16:01:00Z')
  expect((await next.one()).as).toBe('reserved')
})

test('a refusal by the platform closes the quota until the day ends, and says that it was the platform', async () => {
  const { store, quota, one, go, earliest } = at('2026-10-05T12:00:00Z', {}, 60_000)
  expect(await blockQuota(store, image)).toBe(Date.parse('2026-10-05T16:01:00Z'))
  const refused = await one()
  expect(refused).toMatchObject({ as: 'full', rule: 'platform' })
  expect(earliest(refused)).toBe('2026-10-05T16:01:00.000Z')
  expect(await quota.usage(image)).toMatchObject({ blockedUntilMs: Date.parse('2026-10-05T16:01:00Z') })
  expect(await quota.reserve({ ...image, corp: 'ww2' }, 'a')).toEqual({ as: 'reserved' })
  if (refused.as === 'full')
    expect(quotaFault(image, refused)).toMatchObject({ kind: 'quota', waitMs: refused.waitMs })
  go('2026-10-05T16:01:00Z')
  expect((await one()).as).toBe('reserved')
})

test('a quota leaves Redis by itself after its periods', async () => {
  const { one, go, redis, store } = at('2026-10-05T12:00:00Z')
  const key = `${store.namespace}:limit:quota:media/uploadimg:ww1`
  await one()
  expect(await redis.pttl(key)).toBeGreaterThan(62 * 86_400_000)
  go('2026-12-08T12:00:00Z')
  await one()
  expect(await redis.zcard(key), 'what no rule looks at is gone').toBe(1)
})

test('the forecast is today’s pace, against what is left', async () => {
  const { one, go, quota } = at(
    '2026-10-04T16:00:00Z',
    quotaOf({ day: { amount: 100 }, month: { amount: 450 } }),
  )
  expect(await quota.usage(image)).not.toHaveProperty('runsOut')
  for (let n = 0; n < 60; n += 1) await one()
  go('2026-10-05T04:00:00Z')
  const noon = await quota.usage(image)
  expect(noon.unitsPerDay).toBeCloseTo(120)
  expect(noon.runsOut).toEqual({ rule: 'day', atMs: Date.parse('2026-10-05T12:00:00Z') })
  go('2026-10-05T15:00:00Z')
  const evening = await quota.usage(image)
  expect(evening.runsOut?.rule, 'the day holds, the month does not').toBe('month')
  expect(evening.runsOut?.atMs).toBeGreaterThan(Date.parse('2026-10-08T00:00:00Z'))
})
