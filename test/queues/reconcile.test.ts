/** Jobs that BullMQ alone would never run or end again. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createAdmin } from '../../src/queues/admin.ts'
import { reconcile } from '../../src/queues/reconcile.ts'
import { type Deployment, deploy } from '../support/deployment.ts'

/** One round with everything due now; answers what was repaired. */
async function round({ redis, records, namespace }: Deployment, clock = systemClock): Promise<string[]> {
  for (const id of await redis.zrange(`${namespace}:open`, '0', '-1'))
    await redis.zadd(`${namespace}:open`, 1, id)
  const admin = createAdmin(redis, namespace, () => undefined)
  const repairs: string[] = []
  await reconcile({
    records,
    admin,
    clock,
    onRepair: (repair, { id }) => repairs.push(`${repair} ${id}`),
  })
  await admin.close()
  return repairs
}

const enqueue = async ({ producer, put }: Deployment, deadlineMs?: number) =>
  producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
    ...(deadlineMs !== undefined && { deadlineMs }),
  })

test('Q21 a job whose producer died before `add` is added', async () => {
  const it = await deploy()
  const job = await enqueue(it)
  const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
  await queue.remove(job.id)
  expect(await round(it)).toEqual([`put-back ${job.id}`])
  await it.startHere()
  await it.producer.result(job, { timeoutMs: 5_000 })
  await queue.close()
})

test('Q14 a job that is in no list of BullMQ is put back once, with its own payload', async () => {
  const it = await deploy()
  const job = await enqueue(it)
  await it.redis.zrem(`${it.namespace}:upload:prioritized`, job.id)
  expect(await round(it)).toEqual([`put-back ${job.id}`])
  expect(await round(it)).toEqual([])
  await it.startHere()
  expect(await it.producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ name: 'a.txt' })
  expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(1)
})

test('waiting and delayed jobs are left alone', async () => {
  const it = await deploy()
  await enqueue(it)
  expect(await round(it)).toEqual([])
})

test('a job that no worker took before its deadline ends as expired and leaves the queue', async () => {
  const it = await deploy()
  const job = await enqueue(it, 1_000)
  await it.redis.hset(`${it.namespace}:record:${job.id}`, 'deadlineAtMs', Date.now() - 1)
  expect(await round(it)).toEqual([`expired ${job.id}`])
  await expect(it.producer.result(job)).rejects.toMatchObject({ kind: 'expired' })
  expect(await it.redis.zcard(`${it.namespace}:upload:prioritized`)).toBe(0)
})

test('a job that BullMQ failed without its processor ends as worker-died', async () => {
  const it = await deploy()
  const job = await enqueue(it)
  await it.redis.hset(`${it.namespace}:record:${job.id}`, 'state', 'running')
  await it.redis.zrem(`${it.namespace}:upload:prioritized`, job.id)
  await it.redis.zadd(`${it.namespace}:upload:failed`, Date.now(), job.id)
  expect(await round(it)).toEqual([`worker-died ${job.id}`])
  await expect(it.producer.result(job)).rejects.toMatchObject({ kind: 'worker-died' })
})

test('a job that BullMQ completed is closed with the result that it kept', async () => {
  const it = await deploy()
  const app = await it.startHere()
  const job = await enqueue(it)
  const result = await it.producer.result(job, { timeoutMs: 5_000 })
  await app.stop()
  const record = `${it.namespace}:record:${job.id}`
  await it.redis.hdel(record, 'result')
  await it.redis.hset(record, 'state', 'running')
  await it.redis.zadd(`${it.namespace}:open`, 1, job.id)
  expect(await round(it)).toEqual([`accepted ${job.id}`])
  expect(await it.producer.result(job)).toEqual(result)
})

test('deadlines are kept by the clock of Redis: a worker whose clock is a day ahead ends nothing', async () => {
  const it = await deploy()
  await enqueue(it)
  const ahead = { ...systemClock, nowMs: () => systemClock.nowMs() + 25 * 3_600_000 }
  expect(await round(it, ahead)).toEqual([])
})

test('a record of a queue that is not known here does not hide those behind it', async () => {
  const it = await deploy()
  const foreign = await enqueue(it)
  await it.redis.hset(`${it.namespace}:record:${foreign.id}`, 'queue', 'of-a-newer-version')
  const job = await enqueue(it)
  await it.redis.zrem(`${it.namespace}:upload:prioritized`, job.id)
  expect(await round(it)).toEqual([`put-back ${job.id}`])
})

test('an open id whose record is gone is forgotten', async () => {
  const it = await deploy()
  const job = await enqueue(it)
  await it.redis.del(`${it.namespace}:record:${job.id}`)
  expect(await round(it)).toEqual([])
  expect(await it.redis.zcard(`${it.namespace}:open`)).toBe(0)
})
