/** Ages are read from BullMQ's own keys, so they are held against BullMQ. */

import { Queue, Worker } from 'bullmq'
import { expect, test } from 'vitest'
import { readAges } from '../../src/queues/ages.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const hourMs = 3_600_000

/** A queue of BullMQ, and what is read of it. */
function scene() {
  const { redis, prefix: namespace } = testRedis()
  const queue = new Queue('upload', { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  const ages = async () => {
    const found = (await readAges(redis, namespace)).find(one => one.queue === 'upload')
    if (!found) throw new Error('no such queue')
    return found
  }
  const work = (run: (name: string) => Promise<void>) => {
    const worker = new Worker('upload', job => run(job.name), {
      connection: redis,
      prefix: namespace,
    })
    atEnd(() => worker.close(true))
    return worker
  }
  return { redis, namespace, queue, ages, work }
}

const ago = (ms: number) => Date.now() - ms
/** Within ten seconds: clocks of the same host, and a busy one. */
const about = (ms: number) => (value: number) => value >= ms - 10_000 && value <= ms + 10_000

test('an empty deployment has no ages and is not paused', async () => {
  const { redis, namespace } = scene()
  const all = await readAges(redis, namespace)
  expect(all.length).toBeGreaterThan(3)
  for (const { isPaused, oldestMs } of all) {
    expect(isPaused).toBe(false)
    expect(oldestMs).toEqual({ waiting: 0, overdue: 0, active: 0, failed: 0 })
  }
})

test('the oldest of each priority counts, even behind a stream of urgent ones', async () => {
  const { queue, ages } = scene()
  await queue.add('old', {}, { priority: 10, timestamp: ago(hourMs) })
  await queue.add('younger', {}, { priority: 10, timestamp: ago(60_000) })
  for (let n = 0; n < 5; n++) await queue.add('urgent', {}, { priority: 1 })
  expect((await ages()).oldestMs.waiting).toSatisfy(about(hourMs))
})

test('a job that slept for its quota is not old when it wakes', async () => {
  const { queue, ages } = scene()
  const job = await queue.add('slept', {}, { timestamp: ago(20 * hourMs) })
  expect((await ages()).oldestMs.waiting).toSatisfy(about(20 * hourMs))
  await job.updateProgress({ waitUntilMs: ago(60_000), why: { kind: 'quota' } })
  expect((await ages()).oldestMs.waiting).toSatisfy(about(60_000))
  await job.updateProgress('not ours')
  expect((await ages()).oldestMs.waiting).toSatisfy(about(20 * hourMs))
})

test('a delayed job is overdue from its time on', async () => {
  const { queue, ages } = scene()
  await queue.add('later', {}, { delay: 2 * hourMs })
  expect((await ages()).oldestMs.overdue).toBe(0)
  await queue.add('missed', {}, { delay: 1_000, timestamp: ago(hourMs) })
  expect((await ages()).oldestMs.overdue).toSatisfy(about(hourMs - 1_000))
})

test('running and failed jobs have ages, and a paused queue says so', async () => {
  const { queue, ages, work } = scene()
  await queue.add('fails', {})
  await queue.add('runs', {})
  const { promise: held, resolve } = Promise.withResolvers<void>()
  atEnd(async () => resolve())
  work(name => (name === 'fails' ? Promise.reject(new Error('x')) : held))
  const found = await until('both', async () => {
    const { oldestMs } = await ages()
    return oldestMs.failed > 0 && oldestMs.active > 0 ? oldestMs : undefined
  })
  expect(found.failed).toBeLessThan(20_000)
  expect(found.active).toBeLessThan(20_000)
  await queue.pause()
  expect((await ages()).isPaused).toBe(true)
})
