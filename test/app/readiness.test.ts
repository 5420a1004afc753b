/** When a process is ready: real Redis and queues, a clock that is set. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { createReadiness } from '../../src/app/readiness.ts'
import type { Taking } from '../../src/processors/worker.ts'
import { createAdmin } from '../../src/queues/admin.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { setClock } from '../support/set-clock.ts'
import { until } from '../support/until.ts'

const readiness = async (changes: Partial<Taking> = {}) => {
  const { redis, prefix } = testRedis()
  await redis.ping()
  const admin = createAdmin(redis, prefix, () => undefined)
  atEnd(() => admin.close())
  const clock = setClock()
  const taking: { -readonly [K in keyof Taking]: Taking[K] } = {
    stoppedBy: undefined,
    isFull: false,
    takenAtMs: clock.monotonicMs(),
    ...changes,
  }
  const queue = new Queue('upload', { connection: redis, prefix })
  atEnd(() => queue.close())
  const it = createReadiness({
    redis,
    namespace: '{t}:p0',
    admin,
    clock,
    workers: [{ queue: 'upload', taking: () => taking }],
  })
  atEnd(() => it.end())
  /** Lets time go by, a look at a time. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      await until('the watch sleeps', () => clock.sleepers() > 0)
      await clock.advance(5_000)
    }
    await until('the watch sleeps', () => clock.sleepers() > 0)
  }
  return { ...it, redis, queue, clock, taking, pass }
}

test('nobody is ready before all is open, nor once it stops', async () => {
  const { ready, begin, end } = await readiness()
  expect(await ready()).toEqual({ ok: false, text: 'starting' })
  begin()
  expect(await ready()).toEqual({ ok: true, text: 'ready' })
  end()
  expect(await ready()).toEqual({ ok: false, text: 'stopping' })
})

test('a worker that takes nothing while jobs wait is not ready, and ready as soon as it takes one', async () => {
  const { ready, begin, queue, pass, taking, clock } = await readiness()
  await queue.add('media.upload', {}, { priority: 10 })
  begin()
  await pass(25_000)
  expect(await ready()).toMatchObject({ ok: true })
  await pass(5_000)
  expect(await ready()).toEqual({
    ok: false,
    text: 'queue upload: jobs wait, and none was taken for 30 s',
  })
  taking.takenAtMs = clock.monotonicMs()
  await pass(5_000)
  expect(await ready()).toMatchObject({ ok: true })
})

test.each([
  'the queue is empty',
  'every slot is taken',
  'the queue is paused',
])('nothing is stuck when %s', async why => {
  const { ready, begin, queue, pass } = await readiness({ isFull: why === 'every slot is taken' })
  if (why !== 'the queue is empty') await queue.add('media.upload', {})
  if (why === 'the queue is paused') await queue.pause()
  begin()
  await pass(60_000)
  expect(await ready()).toEqual({ ok: true, text: 'ready' })
})

test('a worker that has stopped taking jobs is named with its reason', async () => {
  const { ready, begin } = await readiness({ stoppedBy: 'Redis takes no writes' })
  begin()
  expect(await ready()).toEqual({ ok: false, text: 'queue upload: Redis takes no writes' })
})

test('a Redis that does not answer in time is named, and asked once however often one looks', async () => {
  const { ready, begin, redis, clock } = await readiness()
  begin()
  await until('the watch sleeps', () => clock.sleepers() > 0)
  await redis.client('PAUSE', 700, 'ALL')
  const asked = Promise.all([ready(), ready()])
  await until('both wait', () => clock.sleepers() === 3)
  await clock.advance(500)
  const late = { ok: false, text: 'Redis: no answer within 500 ms' }
  expect(await asked).toEqual([late, late])
})
