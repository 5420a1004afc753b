import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ask } from '../../src/limits/bucket.ts'
import { createRules } from '../../src/limits/index.ts'
import { penalise } from '../../src/limits/penalty.ts'
import type { Bucket } from '../../src/limits/rules-in-force.ts'
import { startsEmpty } from '../../src/limits/spacing.ts'
import { mostIn, only, pair, question, startMs, virtual } from './virtual.ts'

/** The bucket as its proof sees it, in ten lines: what the script must agree with to the microsecond. */
function model(buckets: readonly Bucket[]) {
  const marks = new Map<string, number>()
  let bornUs: number | undefined
  return (nowUs: number): number => {
    bornUs ??= nowUs
    const first = (bucket: Bucket) => (startsEmpty(bucket) ? (bornUs ?? 0) + bucket.toleranceUs : 0)
    const markOf = (bucket: Bucket) => marks.get(bucket.name) ?? first(bucket)
    const atUs = Math.max(nowUs, ...buckets.map(bucket => markOf(bucket) - bucket.toleranceUs))
    for (const bucket of buckets) marks.set(bucket.name, Math.max(atUs, markOf(bucket)) + bucket.spacingUs)
    return atUs
  }
}

const aRate = fc
  .record({
    amount: fc.integer({ min: 2, max: 40 }),
    windowMs: fc.integer({ min: 200, max: 3_000 }),
    part: fc.nat(99),
  })
  .map(({ amount, windowMs, part }) => ({
    ...{ amount, windowMs, scope: 'corp' as const },
    burst: 1 + Math.floor((part * (amount - 2)) / 100),
  }))

const aRun = fc.record({
  rates: fc.dictionary(fc.constantFrom('a', 'b', 'c'), aRate, { minKeys: 1, noNullPrototype: true }),
  flightMs: fc.integer({ min: 1, max: 199 }),
  // Bursts, pauses, and a clock that stands still or jumps back.
  gapsMs: fc.array(
    fc.oneof(fc.constant(0), fc.integer({ min: -30, max: 300 }), fc.integer({ max: 4_000, min: 0 })),
    {
      minLength: 80,
      maxLength: 120,
    },
  ),
  // How late each call arrives, of D.
  late: fc.infiniteStream(
    fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  ),
})

test('R01: no half-open window holds more than N arrivals, whatever comes when and however late; nobody starves', async () => {
  const { anew, time, asks } = virtual()
  await asks() // Loads the script, so that what follows is sent in order.
  await fc.assert(
    fc.asyncProperty(aRun, async ({ rates, flightMs, gapsMs, late }) => {
      const rules = createRules({ all: only(rates), flightMs })
      const store = { ...anew(), rules }
      const { buckets } = rules.of(pair.corp, pair.method)
      const expected = model(buckets)
      time.ms = startMs
      const asked = gapsMs.map(gapMs => {
        time.ms += gapMs
        return { nowUs: time.ms * 1_000, verdict: ask(store, question()), atUs: expected(time.ms * 1_000) }
      })
      const arrivals: number[] = []
      for (const { nowUs, verdict, atUs } of asked) {
        const { as, booking, atUs: granted } = await verdict
        expect(as === 'go' ? granted : booking?.atUs).toBe(atUs)
        expect(atUs - nowUs).toBeLessThanOrEqual(
          gapsMs.length * Math.max(...buckets.map(b => b.spacingUs)) + 1e7,
        )
        arrivals.push((atUs + Math.round(late.next().value * flightMs * 1_000)) / 1_000)
      }
      for (const { amount, windowMs } of buckets)
        expect(mostIn(windowMs, arrivals)).toBeLessThanOrEqual(amount)
    }),
    { numRuns: 60 },
  )
})

test('R01: penalties and losses of memory in the middle add nothing to any window', async () => {
  const { anew, time, asks, redis } = virtual()
  await asks()
  const aBreak = fc.record({ after: fc.nat(59), how: fc.constantFrom('penalty', 'flush') })
  await fc.assert(
    fc.asyncProperty(aRate, fc.array(aBreak, { maxLength: 4 }), fc.boolean(), async (rate, breaks, knows) => {
      const flightMs = 100
      // Who was never here before can hold this only where buckets start empty.
      const burst = knows ? rate.burst : Math.max(1, Math.floor(rate.amount / 20))
      fc.pre(burst * 20 <= rate.amount || knows)
      const rules = createRules({ all: only({ a: { ...rate, burst } }), flightMs })
      // Penalties shorter than any in life: the numbers of the bucket are to hold, not the pause.
      const anewStore = anew()
      const store = { ...anewStore, rules, tuning: { ...anewStore.tuning, penaltyMs: 1, slowMost: 0 } }
      time.ms = startMs
      let birth = ''
      const used: number[] = []
      let ahead: number[] = []
      for (let n = 0; n < 60; n += 1) {
        time.ms += n % 7
        const verdict = await ask(store, question({ birth: knows ? birth : '' }))
        birth = verdict.birth
        ahead.push(verdict.booking?.atUs ?? verdict.atUs)
        // What its time has come for has left; what is booked for later is void after a break.
        const left = ahead.filter(atUs => atUs <= time.ms * 1_000)
        used.push(...left)
        ahead = ahead.filter(atUs => !left.includes(atUs))
        for (const { how } of breaks.filter(({ after }) => after === n)) {
          ahead = []
          if (how === 'penalty') await penalise(store, pair)
          else await redis.del('none', ...(await redis.keys(`${store.namespace}:*`)))
        }
      }
      const grants = [...used, ...ahead].map(atUs => atUs / 1_000)
      const sawn = grants.map((ms, n) => ms + (n % 2) * flightMs)
      const losses = breaks.filter(({ how }) => how === 'flush').length
      // The proof has one call to spare; without knowing, each loss takes one.
      const allowed = rate.amount + (knows ? 0 : Math.max(0, losses - 1))
      expect(Math.max(mostIn(rate.windowMs, grants), mostIn(rate.windowMs, sawn))).toBeLessThanOrEqual(
        allowed,
      )
    }),
    { numRuns: 40 },
  )
})

test('under saturation at least (N − B) · W / (W + D) of the allowance is used: 97.8 % of 5,000 a minute', async () => {
  const { store } = virtual()
  const [minute] = store.rules.of(pair.corp, pair.method).buckets
  const next = model(minute ? [minute] : [])
  const times = Array.from({ length: 3 * 5_000 }, () => next(startMs * 1_000) / 1_000)
  const within = times.filter(ms => ms >= startMs + 60_000 && ms < startMs + 180_000).length
  expect(within / 10_000).toBeGreaterThan(0.978)
  expect(mostIn(60_000, times)).toBeLessThanOrEqual(5_000)
})

test('several rules are charged together or not at all', async () => {
  const rates = {
    a: { amount: 100, windowMs: 1_000, scope: 'corp' },
    b: { amount: 3, windowMs: 1_000, scope: 'corp' },
  }
  const { asks, redis, store, time } = virtual({ config: { all: only(rates), flightMs: 100 } })
  const marks = () => redis.hmget(`${store.namespace}:limit:pair:media/upload:ww1`, 'tat:a', 'tat:b')
  expect(await asks({ reachMs: 0, keeps: false })).toMatchObject({ as: 'go' })
  const before = await marks()
  expect(await asks({ reachMs: 0, keeps: false })).toMatchObject({
    as: 'beyond',
    waitMs: 550,
    booking: undefined,
  })
  expect(await marks(), 'a refusal spends nothing').toEqual(before)
  time.ms += 550
  expect(await asks({ reachMs: 0, keeps: false })).toMatchObject({ as: 'go' })
})

test('one corp with everything booked does not hold another', async () => {
  const { asks, time } = virtual()
  for (let n = 0; n < 200; n += 1) await asks()
  expect(await asks()).toMatchObject({ as: 'booked' })
  time.ms += 9 // What the address needs between two.
  expect(await asks({ corp: 'ww2' })).toMatchObject({ as: 'go' })
  expect(await asks({ method: 'media/get' }), 'nor another method').toMatchObject({ as: 'go' })
})

const shared = { ...only({ ip: { amount: 3, windowMs: 1_000, scope: 'ip' } }) }
const own = { minute: { amount: 100, windowMs: 1_000, scope: 'corp', burst: 10 } }

test('a bucket that corps share is never booked ahead, and its refusal costs the corp nothing', async () => {
  const config = { all: { rates: { ...shared.rates, ...own } }, flightMs: 100 } as never
  const { asks, time, redis, store } = virtual({ config })
  expect(await asks()).toMatchObject({ as: 'go' })
  time.ms += 100
  const marks = () => redis.hget(`${store.namespace}:limit:pair:media/upload:ww2`, 'tat:minute')
  const refused = await asks({ corp: 'ww2' })
  expect(refused).toMatchObject({ as: 'shared', booking: undefined })
  expect(await marks()).toBeNull()
  expect((await asks({ corp: 'ww2' })).waitMs, 'who is refused gets a turn of its own').toBeGreaterThan(
    refused.waitMs,
  )
  time.ms += 450
  expect(await asks({ corp: 'ww3' })).toMatchObject({ as: 'go' })
})

test('a booking outlives a short refusal of the shared bucket, but not its own life', async () => {
  const config = {
    all: { rates: { ...shared.rates, minute: { ...own.minute, burst: 1 } } },
    flightMs: 400,
  } as never
  const { asks, time } = virtual({ config })
  await asks()
  const { booking, waitMs } = await asks()
  time.ms += waitMs
  const refused = await asks({ booking })
  expect(refused).toMatchObject({ as: 'shared', booking })
  time.ms += 170 // Of D = 400 ms a booking lives 160.
  expect(await asks({ booking })).toMatchObject({ voided: 'old' })
})

test('R04: a booking is good from its time on, once, and while it is young', async () => {
  const { asks, time } = virtual({
    config: { all: only({ a: { amount: 3, windowMs: 9_000, scope: 'corp' } }) },
  })
  await asks()
  const { booking, waitMs } = await asks()
  expect(await asks({ booking }), 'too early').toMatchObject({ as: 'booked', waitMs, booking })
  time.ms += waitMs + 399
  expect(await asks({ booking })).toMatchObject({ as: 'go', atUs: booking?.atUs, ageMs: 399 })
  expect(await asks({ booking }), 'a second time').toMatchObject({ as: 'booked', voided: 'spent' })
  const late = await asks()
  time.ms += late.waitMs + 401
  expect(await asks({ booking: late.booking })).toMatchObject({ voided: 'old' })
})

test('a bucket without memory starts without a burst, and says nothing about a Redis it never saw', async () => {
  const { asks, time } = virtual()
  expect(await asks()).toMatchObject({ as: 'go', memoryLost: false })
  expect(await asks()).toMatchObject({ as: 'booked' })
  time.ms += 120_000
  const verdicts = await Promise.all(Array.from({ length: 60 }, () => asks()))
  expect(
    verdicts.filter(({ as }) => as === 'go'),
    'rested: a burst of half a percent',
  ).toHaveLength(25)
})

test('a Redis that has forgotten closes for a window and says so, to everyone who had seen it before', async () => {
  const { asks, time, redis, store } = virtual()
  const { birth } = await asks()
  for (const key of await redis.keys(`${store.namespace}:*`)) await redis.del(key)
  time.ms += 1_000
  const stranger = await asks({ corp: 'ww2' })
  expect(stranger, 'who has just started cannot know').toMatchObject({ as: 'go', memoryLost: false })
  time.ms += 10_000
  const knows = await asks({ birth })
  expect(knows).toMatchObject({ memoryLost: true, waitMs: 50_000, as: 'booked' })
  expect(await asks({ birth: stranger.birth, corp: 'ww2' }), 'it holds for all').toMatchObject({
    as: 'booked',
  })
  expect(await asks({ birth: knows.birth }), 'and is told once').toMatchObject({ memoryLost: false })
})

test('with assumeSpent an empty Redis is taken for one that has forgotten', async () => {
  const { asks } = virtual({ assumeSpent: true })
  expect(await asks({ keeps: false, reachMs: 0 })).toMatchObject({
    as: 'beyond',
    waitMs: 60_000,
    memoryLost: true,
  })
})

test('the time of Redis is used where no test says otherwise', async () => {
  const { redis, store } = virtual()
  const { nowUs: _, ...real } = store
  const [seconds] = await redis.time()
  const { as, atUs } = await ask(real, question())
  expect(as).toBe('go')
  expect(Math.abs(atUs / 1e6 - Number(seconds))).toBeLessThan(5)
})
