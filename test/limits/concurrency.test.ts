import { expect, test } from 'vitest'
import { trackFlights } from '../../src/limits/concurrency.ts'
import { lowerConcurrency } from '../../src/limits/penalty.ts'
import { readPair } from '../../src/limits/read.ts'
import { setClock } from '../support/set-clock.ts'
import { only, pair, virtual } from './virtual.ts'

const fast = { fast: { amount: 10_000, windowMs: 2_000, scope: 'corp', burst: 1_000 } }

test('without a 45033 nothing bounds the calls under way, but they are counted', async () => {
  const { asks, store } = virtual({ config: { all: only(fast) } })
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => asks()))
  expect(verdicts.every(({ as }) => as === 'go')).toBe(true)
  expect((await readPair(store, pair)).concurrency).toEqual({
    underWay: 50,
    underWayOfCorp: 0,
    isLearned: false,
  })
})

test('a 45033 halves what was under way; the cap grows back by one in 30 s, and never falls below one', async () => {
  const { asks, store, time } = virtual({ config: { all: only(fast) } })
  const grants = await Promise.all(Array.from({ length: 8 }, () => asks()))
  time.ms += 100
  expect(await lowerConcurrency(store, pair, grants[0]?.atUs)).toEqual({ isNew: true, cap: 4 })
  expect(await lowerConcurrency(store, pair, grants[1]?.atUs), 'the same crowd').toEqual({
    isNew: false,
    cap: 4,
  })
  expect(await asks()).toMatchObject({ as: 'crowded', booking: undefined })
  time.ms += 30_001 // The leases have ended.
  for (let n = 0; n < 5; n += 1) expect(await asks()).toMatchObject({ as: 'go' })
  expect(await asks()).toMatchObject({ as: 'crowded' })
  for (let n = 0; n < 5; n += 1) {
    await lowerConcurrency(store, pair)
    time.ms += 1
  }
  expect((await readPair(store, pair)).concurrency).toMatchObject({ cap: 1, isLearned: true })
})

test('who does not fit under a cap gets a turn: together they ask a bounded number of times, however many they are', async () => {
  const { asks } = virtual({ config: { all: { ...only(fast), concurrency: 2 } } })
  await asks()
  await asks()
  const waits = []
  for (let n = 0; n < 100; n += 1) waits.push((await asks()).waitMs)
  expect(waits).toEqual(Array.from({ length: 100 }, (_, n) => 50 * (n + 1)))
})

test('a cap of the corp counts all its methods, one of a method only that', async () => {
  const config = {
    all: only(fast),
    corps: { ww1: { concurrency: 3 } },
    methods: { 'media/get': { concurrency: 1 } },
  }
  const { asks } = virtual({ config })
  expect(await asks({ method: 'media/get' })).toMatchObject({ as: 'go' })
  expect(await asks({ method: 'media/get' })).toMatchObject({ as: 'crowded' })
  expect(await asks()).toMatchObject({ as: 'go' })
  expect(await asks()).toMatchObject({ as: 'go' })
  expect(await asks()).toMatchObject({ as: 'crowded' })
  expect(await asks({ corp: 'ww2' })).toMatchObject({ as: 'go' })
})

test('a lease is renewed while its call lives, ends with it, and ends by itself when its worker died', async () => {
  const { asks, store, time } = virtual({ config: { all: { ...only(fast), concurrency: 1 } } })
  const clock = setClock()
  const flights = trackFlights(store, clock)
  await asks({ lease: 'alive' })
  const end = flights.begin(pair, 'alive')
  for (let n = 0; n < 6; n += 1) {
    time.ms += 10_000
    await clock.advance(10_000)
    await store.redis.ping() // What was sent before has been done.
    expect(await asks()).toMatchObject({ as: 'crowded' })
  }
  await end()
  await end()
  expect(clock.sleepers()).toBe(0)
  expect(await asks({ lease: 'dead' })).toMatchObject({ as: 'go' })
  time.ms += 29_000
  expect(await asks()).toMatchObject({ as: 'crowded' })
  time.ms += 1_001
  expect(await asks()).toMatchObject({ as: 'go' })
})

test('a call that nobody ever ends does not hold its place for ever', async () => {
  const { asks, store, time } = virtual({
    config: { all: { ...only(fast), concurrency: 1 } },
    tuning: { flightMostMs: 20_000 },
  })
  const clock = setClock()
  await asks({ lease: 'forgotten' })
  const end = trackFlights(store, clock).begin(pair, 'forgotten')
  for (let n = 0; n < 6; n += 1) {
    time.ms += 10_000
    await clock.advance(10_000)
    await store.redis.ping()
  }
  expect(await asks()).toMatchObject({ as: 'go' })
  await end()
})

test('calls that end in one turn are taken away together, and whoever asks behind them finds their places free', async () => {
  const { asks, store } = virtual({ config: { all: { ...only(fast), concurrency: 3 } } })
  const sent: string[] = []
  const answered: string[] = []
  const redis = new Proxy(store.redis, {
    get: (target, name) => {
      const found = Reflect.get(target, name)
      if (typeof found !== 'function') return found
      return (...args: unknown[]) => {
        const answer = found.apply(target, args)
        if (name !== 'zrem') return answer
        const leases = args.slice(1).join(' ')
        sent.push(leases)
        return answer.then(() => answered.push(leases))
      }
    },
  })
  const flights = trackFlights({ ...store, redis }, setClock())
  const leases = ['a', 'b', 'c']
  for (const lease of leases) expect(await asks({ lease })).toMatchObject({ as: 'go' })
  const [a, b, c] = leases.map(lease => flights.begin(pair, lease))
  const ends = Promise.all([a?.(), b?.()])
  expect(sent, 'not before the turn has ended').toEqual([])
  flights.flush()
  expect(await asks({ lease: 'd' })).toMatchObject({ as: 'go' })
  await ends
  const last = c?.()
  await flights.settled()
  expect(answered).toEqual(['a b', 'c'])
  await last
  expect(sent).toEqual(['a b', 'c'])
  expect((await readPair(store, pair)).concurrency).toMatchObject({ underWay: 1 })
})
