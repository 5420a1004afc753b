/** The beat of the fleet: one scheduler whoever starts, one worker per beat, and another one when it is gone. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { startBeat } from '../../src/queues/beat.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { setClock } from '../support/set-clock.ts'
import { until } from '../support/until.ts'

function setUp() {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const queue = new Queue('pulse', { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  const beats = { count: 0 }
  const start = (changes: Partial<Parameters<typeof startBeat>[0]> = {}) => {
    const beat = startBeat({
      ...{ redis, namespace, name: 'pulse', everyMs: 100, lockDurationMs: 2_000, stalledIntervalMs: 500 },
      clock: systemClock,
      async onBeat() {
        beats.count += 1
      },
      onError: () => undefined,
      ...changes,
    })
    atEnd(() => beat.stop())
    return beat
  }
  return { redis, namespace, queue, beats, start }
}

test('several workers have one scheduler, and beat no faster than one', async () => {
  const { queue, beats, start } = setUp()
  for (let worker = 0; worker < 4; worker += 1) start()
  const startedMs = performance.now()
  await until('ten beats', () => beats.count >= 10)
  // Four schedulers would have come four times as fast.
  expect(performance.now() - startedMs).toBeGreaterThan(700)
  expect(await queue.getJobSchedulers()).toHaveLength(1)
})

test('one that starts again and again does not put the beat off', async () => {
  const { queue, start } = setUp()
  await start({ everyMs: 60_000 }).stop()
  const next = async () => (await queue.getJobScheduler('pulse'))?.next
  const first = await until('a scheduler', next)
  for (let times = 0; times < 3; times += 1) await start({ everyMs: 60_000 }).stop()
  expect(await next()).toBe(first)
})

test('a beat that fails is told, and the next one comes', async () => {
  const { start, queue } = setUp()
  const counts = { beats: 0 }
  start({
    async onBeat() {
      counts.beats += 1
      throw new Error('no')
    },
  })
  await until('three beats', () => counts.beats >= 3)
  expect(await queue.getFailedCount()).toBeGreaterThan(0)
})

test('a scheduler that is gone is set up again within a minute', async () => {
  const { redis, namespace, queue, start, beats } = setUp()
  const clock = { ...setClock(Date.now()), nowMs: () => Date.now() }
  start({ clock })
  await until('a beat', () => beats.count > 0)
  const keys = await redis.keys(`${namespace}:*`)
  await redis.del(...keys)
  await until('it sleeps', () => clock.sleepers() > 0)
  const before = beats.count
  await clock.advance(60_000)
  await until('a scheduler', async () => (await queue.getJobSchedulers()).length === 1)
  await until('more beats', () => beats.count > before + 2)
})
