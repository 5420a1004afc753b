import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Fault } from '../../src/fault.ts'
import {
  createGate,
  createRules,
  createStore,
  type LimitEvent,
  type LimitsConfig,
} from '../../src/limits/index.ts'
import type { Tuning } from '../../src/limits/tuning.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { mostIn, only } from './virtual.ts'

const corp = 'ww1'
const method = 'media/upload'
const impatient = { corp, method, patienceMs: 0 } as const
const patient = { corp, method, patienceMs: 60_000 } as const

/** The times of production, shortened, D less so than W, for a noisy machine: W = 1 s, D = 400 ms; T = 1,400 / 99 = 14.2 ms. */
const short: LimitsConfig = {
  all: only({ second: { amount: 100, windowMs: 1_000, burst: 1, scope: 'corp' } }),
  flightMs: 400,
}
const shortTuning = { horizonMs: 1_000, leadMs: 500, wakeEarlyMs: 10, penaltyMs: 600, againWithinMs: 1_000 }

interface Options {
  readonly config?: LimitsConfig
  readonly tuning?: Partial<Tuning>
  readonly redis?: Redis
}

function setUp({ config = short, tuning = shortTuning, ...own }: Options = {}) {
  const { redis, url, prefix } = testRedis()
  const events: LimitEvent[] = []
  const namespace = `{${prefix}}:p0`
  const open = (client: Redis) => {
    const store = createStore({ redis: client, namespace, rules: createRules(config), tuning })
    return createGate(store, { onEvent: event => void events.push(event) })
  }
  /** A gate with a connection of its own, as another process has. */
  const another = () => {
    const client = new Redis(url)
    atEnd(() => client.disconnect())
    return open(client)
  }
  return { gate: open(own.redis ?? redis), another, events, redis, namespace }
}

const refusal = (errcode: number) => new Fault('limit', `errcode ${errcode}`, { errcode })

/** Everything that does not come from production, counted by the clock of one process. */
async function saturate(gates: readonly ReturnType<typeof setUp>['gate'][], forMs: number) {
  const arrivals: number[] = []
  const over = new AbortController()
  const endMs = performance.now() + forMs
  const work = async (gate: (typeof gates)[number]) => {
    while (performance.now() < endMs) {
      const grant = await gate.pass({ ...patient, signal: over.signal }).catch(() => undefined)
      if (!grant) return
      // The way to the platform, and a process that was too slow does what the client does: it does not send.
      if (grant.ageMs() <= grant.lifeMs) arrivals.push(performance.now() + Math.random() * 30)
      await grant.done()
    }
  }
  const workers = gates.flatMap(gate => Array.from({ length: 12 }, () => work(gate)))
  await delay(forMs)
  over.abort()
  await Promise.all(workers)
  return arrivals
}

test('R03 (W = 1 s, D = 400 ms): four processes under saturation never exceed N, and use nine tenths of their pace', async () => {
  const { another } = setUp()
  const startMs = performance.now()
  const arrivals = await saturate([another(), another(), another(), another()], 2_100)
  expect(mostIn(1_000, arrivals)).toBeLessThanOrEqual(100)
  // (N − B) / (W + D) is 70.7 a second; some are lost to a noisy machine.
  const used = arrivals.filter(ms => ms > startMs + 500 && ms <= startMs + 2_000).length
  expect(used).toBeGreaterThan(0.9 * 106)
})

test('R05 (60 s scaled to 600 ms): a 45009 in the middle of saturation stops the fleet, and no stampede follows', async () => {
  const { another } = setUp()
  const [struck, ...others] = [another(), another(), another()]
  const running = saturate(others, 1_900)
  await delay(400)
  const grant = await struck?.pass(patient)
  const refusedAtMs = performance.now()
  await grant?.done(refusal(45009))
  const knownAtMs = performance.now()
  const quiet = { corp: 'ww2', method, patienceMs: 200 } as const
  expect(await others[0]?.pass(quiet), 'other corps go on').toMatchObject({ atMs: expect.any(Number) })
  const arrivals = await running
  // Up to 30 ms of way: those were granted before.
  const during = arrivals.filter(ms => ms > knownAtMs + 35 && ms < refusedAtMs + 600)
  expect(during).toEqual([])
  const after = arrivals.filter(ms => ms >= refusedAtMs + 600)
  expect(after.length).toBeGreaterThan(15)
  expect(mostIn(100, after), 'at 80 % of the pace: one in 17.7 ms, with up to 30 ms of jitter').toBeLessThan(
    14,
  )
})

test('a wait within the patience is slept, a longer one is thrown with its time', async () => {
  const { gate, events } = setUp()
  await gate.pass(patient)
  const startMs = performance.now()
  await gate.pass({ corp, method, patienceMs: 50 })
  expect(performance.now() - startMs).toBeGreaterThan(8)
  for (let n = 0; n < 20; n += 1) await gate.pass(patient)
  const fault = await gate.pass(impatient).catch(fault => fault)
  expect(fault).toMatchObject({ kind: 'limit', waitMs: expect.any(Number), booking: undefined })
  expect(fault.waitMs).toBeLessThanOrEqual(15)
  expect(events.at(-1)).toMatchObject({ as: 'wait', why: 'beyond', corp, method })
  expect(events.filter(({ as }) => as === 'grant')).toHaveLength(22)
})

test('the patience is for all waits together', async () => {
  const config = { ...short, all: { ...short.all, concurrency: 1 } }
  const { gate, events } = setUp({ config, tuning: { ...shortTuning, crowdSpacingMs: 10 } })
  await gate.pass(patient)
  await expect(gate.pass({ corp, method, patienceMs: 300 })).rejects.toMatchObject({ kind: 'limit' })
  expect(events.at(-1)).toMatchObject({ as: 'wait', why: 'crowded' })
})

test('who does not keep bookings books nothing that it will not wait for', async () => {
  const { gate } = setUp()
  await gate.pass(patient)
  const waits = []
  for (let n = 0; n < 10; n += 1) waits.push((await gate.pass(impatient).catch(fault => fault)).waitMs ?? 0)
  expect(Math.max(...waits)).toBeLessThanOrEqual(15)
})

const slow: LimitsConfig = {
  all: only({ slow: { amount: 3, windowMs: 1_000, burst: 1, scope: 'corp' } }),
  flightMs: 200,
}

test('a job sleeps until its booking and goes at once when it shows it', async () => {
  const { gate, events } = setUp({ config: slow, tuning: {} })
  await gate.pass(patient)
  const job = { corp, method, patienceMs: 100, keepsBookings: true } as const
  const first = await gate.pass(job).catch(fault => fault)
  const second = await gate.pass(job).catch(fault => fault)
  expect(first).toMatchObject({
    kind: 'limit',
    booking: { method, epoch: expect.any(String), atUs: expect.any(Number) },
  })
  expect(second.booking.atUs - first.booking.atUs).toBe(600_000)
  // As the record keeps it.
  const booking = JSON.parse(JSON.stringify(first.booking))
  expect(first.waitMs, 'it wakes early enough to be in time').toBeLessThanOrEqual(550)
  await delay(first.waitMs)
  const grant = await gate.pass({ ...job, booking })
  expect(grant.atMs).toBe(Math.floor(first.booking.atUs / 1_000))
  expect(grant.lifeMs).toBe(120)
  const again = await gate.pass({ ...impatient, booking }).catch(fault => fault)
  expect(again, 'a booking is good for one call').toMatchObject({ kind: 'limit' })
  expect(events.filter(({ as }) => as === 'void')).toEqual([])
})

test('what is no booking, or one for another method, is nothing', async () => {
  const { gate, events } = setUp()
  const method = 'media/get'
  const booking = { method: 'media/upload', epoch: '1', atUs: 1 }
  for (const odd of [
    booking,
    null,
    'x',
    {},
    { method, epoch: 'x', atUs: 1 },
    { method, epoch: '1', atUs: 'now' },
  ])
    await gate.pass({ ...patient, method, booking: odd })
  expect(events.filter(({ as }) => as === 'void')).toEqual([])
  await gate.pass({ ...patient, booking })
  expect(events.at(-2)).toMatchObject({ as: 'void', why: 'epoch' })
})

test('a caller that gives up is let go at once', async () => {
  const { gate } = setUp({ config: slow })
  await gate.pass(patient)
  const controller = new AbortController()
  const waiting = gate.pass({ ...patient, signal: controller.signal })
  const startMs = performance.now()
  setTimeout(() => controller.abort(new Fault('cancelled', 'enough')), 50)
  await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' })
  expect(performance.now() - startMs, 'and not when its turn had come, after 600 ms').toBeLessThan(300)
  await expect(gate.pass({ ...patient, signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
})

test('without Redis there is no grant, and the error is what it is', async () => {
  const away = new Redis({ port: 1, maxRetriesPerRequest: 0, retryStrategy: () => null })
  away.on('error', () => {})
  const { gate } = setUp({ redis: away })
  const error = await gate.pass(patient).catch(error => error)
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(Fault)
})

test('while Redis is away a caller can give up', async () => {
  const away = new Redis({ port: 1, maxRetriesPerRequest: null })
  away.on('error', () => {})
  atEnd(() => away.disconnect())
  const { gate } = setUp({ redis: away })
  const waiting = gate.pass({ ...patient, signal: AbortSignal.timeout(30) })
  await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('the age of a grant counts everything since it was asked for', async () => {
  const { gate } = setUp()
  const grant = await gate.pass(patient)
  expect(grant.ageMs()).toBeGreaterThanOrEqual(0)
  const before = grant.ageMs()
  const startMs = systemClock.monotonicMs()
  await delay(30)
  expect(grant.ageMs() - before).toBeGreaterThanOrEqual(29)
  expect(grant.ageMs() - before).toBeLessThanOrEqual(systemClock.monotonicMs() - startMs + 5)
})

test('refusals are learned before `done` resolves, once each, and a listener’s bug disturbs nobody', async () => {
  const { gate, events, redis, namespace } = setUp()
  const grants = [await gate.pass(patient), await gate.pass(patient)]
  for (const grant of grants) await grant.done(refusal(45033))
  for (const grant of grants) await grant.done(refusal(45009))
  await grants[0]?.done(new Fault('limit', 'the grant was too old'))
  const told = events.filter(({ as }) => as !== 'grant')
  expect(told).toMatchObject([
    { as: 'concurrency', cap: 1 },
    { as: 'penalty', lengthMs: 600, rateShare: 0.8 },
    { as: 'void', why: 'late' },
  ])
  expect(await redis.zcard(`${namespace}:limit:flights:media/upload:ww1`)).toBe(0)
  const store = createStore({ redis, namespace, rules: createRules(short) })
  const broken = createGate(store, {
    onEvent: () => {
      throw new Error('a bug')
    },
  })
  expect(await broken.pass({ ...patient, corp: 'ww2' })).toMatchObject({ lifeMs: 240 })
})

test('a 45009 for a permanent image closes its quota as well', async () => {
  const { gate, events } = setUp()
  const grant = await gate.pass({ ...patient, method: 'media/uploadimg' })
  await grant.done(refusal(45009))
  expect(events.slice(1)).toMatchObject([
    { as: 'penalty', method: 'media/uploadimg' },
    { as: 'quota-blocked', untilMs: expect.any(Number) },
  ])
})

test('what could not be written down is told, and the call’s own fault stays', async () => {
  const { url } = testRedis()
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
  client.on('error', () => {})
  const { gate, events } = setUp({ redis: client })
  const grant = await gate.pass(patient)
  client.disconnect()
  expect(await grant.done(refusal(45009))).toBeUndefined()
  expect(events.at(-1)).toMatchObject({ as: 'not-recorded', error: expect.any(Error) })
})

test('a Redis that has forgotten is told of, and closed for a window', async () => {
  const { gate, events, redis, namespace } = setUp()
  await gate.pass(patient)
  await redis.del(await redis.keys(`${namespace}:*`))
  await expect(gate.pass({ corp, method, patienceMs: 100 })).rejects.toMatchObject({ kind: 'limit' })
  expect(events.slice(1).map(({ as }) => as)).toEqual(['memory-lost', 'wait'])
})

test('a call that follows one that has just ended takes its place, though nobody waited for that to be written', async () => {
  const second = { amount: 100, windowMs: 1_000, burst: 10, scope: 'corp' }
  const { gate } = setUp({ config: { all: { ...only({ second }), concurrency: 1 }, flightMs: 400 } })
  const first = await gate.pass(impatient)
  await expect(gate.pass(impatient)).rejects.toMatchObject({ kind: 'limit' })
  void first.done()
  expect(await gate.pass(impatient)).toMatchObject({ lifeMs: 240 })
})

test('what is settled is written', async () => {
  const { gate, redis, namespace } = setUp()
  const grant = await gate.pass(patient)
  void grant.done()
  await gate.settled()
  expect(await redis.zcard(`${namespace}:limit:flights:media/upload:ww1`)).toBe(0)
})
