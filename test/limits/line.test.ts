import { expect, test } from 'vitest'
import type { Booking } from '../../src/limits/booking.ts'
import { penalise } from '../../src/limits/penalty.ts'
import { mostIn, only, pair, startMs, virtual } from './virtual.ts'

interface Job {
  readonly comesAtMs: number
  readonly urgent: boolean
  booking: Booking | undefined
  wakes: number
  goneAtMs: number
}

const patienceMs = 250

/** Runs jobs as a worker would: a short wait is slept, a longer one is a delayed job that wakes late by up to 150 ms. */
async function work(
  { asks, time, store }: ReturnType<typeof virtual>,
  jobs: readonly Job[],
  { at, happens }: { at?: number; happens?: () => Promise<unknown> } = {},
) {
  await asks({ method: 'media/get' }) // Loads the script, so that what follows is sent in order.
  const buckets = new Map<number, { job: Job; atMs: number }[]>()
  const sliceMs = 200
  const schedule = (job: Job, atMs: number) => {
    const slice = Math.floor(atMs / sliceMs)
    buckets.set(slice, [...(buckets.get(slice) ?? []), { job, atMs }])
  }
  for (const [slice, group] of Map.groupBy(jobs, ({ comesAtMs }) => Math.floor(comesAtMs / sliceMs)))
    buckets.set(
      slice,
      group.map(job => ({ job, atMs: job.comesAtMs })),
    )
  let event = happens
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  for (let slice = Math.floor(startMs / sliceMs); buckets.size > 0; slice += 1) {
    const due = buckets.get(slice)?.toSorted((a, b) => a.atMs - b.atMs) ?? []
    buckets.delete(slice)
    if (event && at !== undefined && slice * sliceMs >= at) {
      time.ms = slice * sliceMs
      await event()
      event = undefined
    }
    const asked = due.map(({ job, atMs }) => {
      time.ms = atMs
      return asks({
        booking: job.booking,
        urgent: job.urgent,
        reachMs: store.tuning.horizonMs * (job.urgent ? 2 : 1),
      })
    })
    for (const [i, { job, atMs }] of due.entries()) {
      const verdict = await asked[i]
      if (!verdict) continue
      job.booking = verdict.booking
      const soonestMs = (slice + 1) * sliceMs
      if (verdict.as === 'go') job.goneAtMs = atMs
      else if (verdict.waitMs <= patienceMs) schedule(job, Math.max(atMs + verdict.waitMs, soonestMs))
      else {
        job.wakes += 1
        const earlyMs = verdict.as === 'booked' ? store.tuning.wakeEarlyMs : 0
        schedule(job, Math.max(atMs + verdict.waitMs - earlyMs + random() * 150, soonestMs))
      }
    }
  }
}

const jobsOf = (count: number, comesAtMs: (n: number) => number, urgent = false): Job[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ comesAtMs: comesAtMs(n), urgent, booking: undefined, wakes: 0, goneAtMs: 0 },
  }))

/** The minute's rule alone: 82 calls a second. `LIMITS_BACKLOG=100000` runs the whole length of the design. */
const backlog = Number(process.env['LIMITS_BACKLOG'] ?? 8_000)
const minute = { minute: { amount: 5_000, windowMs: 60_000, scope: 'corp' } }

test('of a long backlog each job wakes twice at most, in its order, and the bucket is never idle', async () => {
  const world = virtual({ config: { all: only(minute) } })
  const jobs = jobsOf(backlog, n => startMs + n / 50)
  await work(world, jobs)
  const wakes = jobs.map(job => job.wakes)
  expect(Math.max(...wakes)).toBeLessThanOrEqual(2)
  expect(wakes.reduce((sum, n) => sum + n) / backlog).toBeLessThanOrEqual(2)
  const gone = jobs.map(job => job.goneAtMs)
  const spacingMs = (world.store.rules.of('ww1', 'media/upload').buckets[0]?.spacingUs ?? 0) / 1_000
  expect((Math.max(...gone) - startMs) / (backlog * spacingMs)).toBeLessThan(1.005)
  expect(mostIn(60_000, gone)).toBeLessThanOrEqual(5_000)
  const displacedMs = gone.map((ms, n) => Math.abs(ms - startMs - n * spacingMs))
  expect(Math.max(...displacedMs)).toBeLessThan(world.store.tuning.horizonMs)
})

test('an urgent job waits for what is booked, not for the backlog', async () => {
  const world = virtual({ config: { all: only(minute) } })
  const urgent = jobsOf(20, n => startMs + 20_000 + n * 1_000, true)
  const jobs = jobsOf(4_000, n => startMs + n / 50)
  await work(
    world,
    [...jobs, ...urgent].toSorted((a, b) => a.comesAtMs - b.comesAtMs),
  )
  for (const job of urgent) {
    expect(job.goneAtMs - job.comesAtMs).toBeLessThan(world.store.tuning.horizonMs + 1_000)
    expect(job.wakes).toBeLessThanOrEqual(1)
  }
})

test('a penalty costs each job one more wake or two, no order, and no stampede at its end', async () => {
  const world = virtual({ config: { all: only(minute) } })
  const jobs = jobsOf(4_000, n => startMs + n / 50)
  const strikeAtMs = startMs + 20_000
  let endsAtMs = 0
  await work(world, jobs, {
    at: strikeAtMs,
    happens: async () => {
      endsAtMs = (await penalise(world.store, pair)).untilMs
    },
  })
  const gone = jobs.map(job => job.goneAtMs).toSorted((a, b) => a - b)
  expect(endsAtMs).toBeGreaterThan(strikeAtMs + 59_000)
  expect(gone.filter(ms => ms > strikeAtMs && ms < endsAtMs)).toEqual([])
  expect(
    mostIn(
      1_000,
      gone.filter(ms => ms >= endsAtMs),
    ),
    'at 80 % of the pace',
  ).toBeLessThan(80)
  expect(Math.max(...jobs.map(job => job.wakes))).toBeLessThanOrEqual(4)
  expect(
    jobs.slice(0, 2_000).every(job => job.goneAtMs < endsAtMs + 60_000),
    'the first are still the first',
  ).toBe(true)
})

/** 408 bookings reach 5 s ahead, the others stand in line. */
async function longLine() {
  const world = virtual({ config: { all: only(minute) } })
  const reachMs = 5_000
  const verdicts = []
  for (let n = 0; n < 1_600; n += 1) verdicts.push(world.asks({ reachMs }))
  const line = await Promise.all(verdicts)
  const booked = line.filter(({ as }) => as === 'booked')
  return { ...world, reachMs, booked, inLine: line.filter(({ as }) => as === 'beyond') }
}

test('a line whose jobs were cancelled is forgotten as soon as the bucket is idle', async () => {
  const { asks, time, reachMs, inLine } = await longLine()
  expect(inLine.length).toBeGreaterThan(1_000)
  time.ms += 4_000
  expect((await asks({ reachMs })).as, 'while something is booked, the line may be alive').toBe('beyond')
  time.ms += 2_000
  expect(await asks({ reachMs })).toMatchObject({ as: 'go' })
  expect(await asks({ reachMs, booking: inLine.at(-1)?.booking })).toMatchObject({ as: 'go' })
})

test('the urgent and those who cannot stand in line are behind what is booked only', async () => {
  const { asks, reachMs } = await longLine()
  expect(await asks({ reachMs })).toMatchObject({ as: 'beyond', booking: { place: expect.any(Number) } })
  const urgent = await asks({ urgent: true, reachMs: 2 * reachMs })
  expect(urgent).toMatchObject({ as: 'booked' })
  expect(urgent.waitMs).toBeLessThan(reachMs + 100)
  const direct = { keeps: false, reachMs: reachMs + 100 }
  expect(await asks(direct)).toMatchObject({ as: 'booked' })
  expect(await asks({ ...direct, reachMs: 100 }), 'nor is a place kept for them').toMatchObject({
    ...{ as: 'beyond', booking: undefined },
  })
})

test('who had a booking when a penalty came stays ahead of the line, even where not all fit in again', async () => {
  const { asks, store, time, reachMs, booked, inLine } = await longLine()
  time.ms += 1
  await penalise(store, pair)
  const again = []
  for (const { booking } of booked) again.push(await asks({ booking, reachMs }))
  const overflow = again.filter(({ as }) => as === 'beyond')
  expect(again.length - overflow.length).toBeGreaterThan(300)
  expect(overflow.length).toBeGreaterThan(50)
  const first = inLine[0]?.booking?.place ?? 0
  expect(overflow.every(({ booking }) => (booking?.place ?? first) < first)).toBe(true)
})
