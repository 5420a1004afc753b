import { expect, test } from 'vitest'
import { penalise } from '../../src/limits/penalty.ts'
import { only, pair, startMs, virtual } from './virtual.ts'

const minute = { minute: { amount: 5_000, windowMs: 60_000, scope: 'corp' } }
const slow = { all: only(minute) }

const nextUs = ({ booking, atUs }: { booking: { atUs?: number } | undefined; atUs: number }) =>
  booking?.atUs ?? atUs

test('R05: a 45009 closes corp and method for 60 s, for nobody else', async () => {
  const { asks, store, time } = virtual({ config: slow })
  await asks()
  time.ms += 1_000
  expect(await penalise(store, pair)).toEqual({
    ...{ isNew: true, untilMs: startMs + 61_000, lengthMs: 60_000, rateShare: 0.8 },
  })
  time.ms += 59_999
  expect(await asks({ keeps: false, reachMs: 0 })).toMatchObject({ as: 'beyond', waitMs: 1 })
  expect(await asks({ corp: 'ww2' })).toMatchObject({ as: 'go' })
  expect(await asks({ method: 'media/get' })).toMatchObject({ as: 'go' })
  time.ms += 1
  expect(await asks()).toMatchObject({ as: 'go' })
})

test('R05: what was booked before a penalty is void and books again from its end, without a burst', async () => {
  const { asks, store, time } = virtual({ config: slow })
  const verdicts = []
  for (let n = 0; n < 100; n += 1) verdicts.push(await asks())
  const last = verdicts.at(-1)
  time.ms += 500
  const { untilMs } = await penalise(store, pair)
  time.ms += 1_000
  const again = []
  for (const { booking } of verdicts.slice(50)) again.push(await asks({ booking, reachMs: 30_000 }))
  expect(again.every(({ voided, as }) => voided === 'epoch' && as === 'booked')).toBe(true)
  const times = again.map(verdict => nextUs(verdict) / 1_000)
  expect(times[0]).toBe(untilMs)
  const [spacing = 0] = store.rules
    .of('ww1', 'media/upload')
    .buckets.map(({ spacingUs }) => spacingUs / 1_000)
  const gaps = times.slice(1).map((ms, i) => ms - (times[i] ?? 0))
  expect(Math.min(...gaps), 'slower than before').toBeGreaterThan(spacing * 1.24)
  expect(last?.booking).toBeDefined()
})

test('a penalty that comes again soon is twice as long, up to an hour; after ten quiet minutes it starts small', async () => {
  const { store, time } = virtual({ config: slow })
  const lengths: number[] = []
  for (let n = 0; n < 8; n += 1) {
    const { untilMs, lengthMs } = await penalise(store, pair)
    lengths.push(lengthMs / 60_000)
    time.ms = untilMs + 1_000
  }
  expect(lengths).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  time.ms += 600_000
  expect(await penalise(store, pair)).toMatchObject({ lengthMs: 60_000 })
})

test('refusals of calls granted before the penalty belong to it', async () => {
  const { store, time } = virtual({ config: slow })
  const grantAtUs = time.ms * 1_000
  time.ms += 100
  const first = await penalise(store, pair, grantAtUs)
  for (const laterMs of [1, 1_000, 70_000]) {
    time.ms = startMs + laterMs + 100
    expect(await penalise(store, pair, grantAtUs + 50_000)).toMatchObject({
      isNew: false,
      untilMs: first.untilMs,
    })
  }
  expect(await penalise(store, pair, time.ms * 1_000 - 1)).toMatchObject({ isNew: true, lengthMs: 120_000 })
})

test('each penalty slows down by a fifth, each quiet hour takes one step back', async () => {
  const { store, time } = virtual({ config: slow })
  const shareAt = async (hours: number) => {
    time.ms += hours * 3_600_000
    const { rateShare, untilMs } = await penalise(store, pair)
    time.ms = untilMs
    return Math.round(rateShare * 1_000) / 1_000
  }
  expect(await shareAt(0)).toBe(0.8)
  expect(await shareAt(0)).toBe(0.64)
  expect(await shareAt(1)).toBe(0.64)
  expect(await shareAt(5)).toBe(0.8)
  for (let n = 0; n < 12; n += 1) await shareAt(0)
  expect(await shareAt(0), 'never to nothing').toBe(0.107)
})

test('the rate after a penalty is the lowered one, and the old one when it has recovered', async () => {
  const { store, time, asks } = virtual({ config: slow })
  const paceMs = async () => {
    for (let n = 0; n < 30; n += 1) await asks()
    const [a, b] = [await asks(), await asks()]
    return (nextUs(b) - nextUs(a)) / 1_000
  }
  const usual = await paceMs()
  time.ms = (await penalise(store, pair)).untilMs
  expect(await paceMs()).toBeCloseTo(usual * 1.25, 2)
  time.ms += 3_600_000
  expect(await paceMs()).toBeCloseTo(usual, 2)
})
