/** Redis that refuses or pauses, a platform that is busy, jobs that kill their workers, signals. Ids: notes/reliability.md §6. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { type Deployment, deploy, lockMs } from '../support/deployment.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const sixBytes = async ({ put }: Deployment) => ({ path: await put('a.txt', 'six bytes and more') })

test.runIf(ownRedis)(
  'Q09 a Redis out of memory closes the gate: few errors, no job lost, and it opens by itself',
  async () => {
    const own = await startRedis()
    const it = await deploy({ redisUrl: own.url })
    const source = await sixBytes(it)
    const worker = await it.startWorker()
    const before = await Promise.all([1, 2, 3].map(() => it.producer.upload({ type: 'file', source })))
    await Promise.all(before.map(job => it.producer.result(job, { timeoutMs: 5_000 })))
    await own.configure('maxmemory', '1mb')
    const during = await it.producer.upload({ type: 'file', source }).catch((fault: unknown) => fault)
    expect(during).toBeInstanceOf(Fault)
    expect(during).toMatchObject({ kind: 'unavailable' })
    await until('the gate closes', () => worker.stderr().includes('redis takes no writes'))
    const linesClosed = worker.stderr().split('\n').length
    await own.configure('maxmemory', '0')
    await until('the gate opens', () => worker.stderr().includes('redis takes our writes'))
    expect(worker.stderr().split('\n').length - linesClosed, 'lines while closed').toBeLessThan(20)
    const after = await it.producer.upload({ type: 'file', source })
    expect(await it.producer.result(after, { timeoutMs: 10_000 })).toMatchObject({ via: 'sync' })
  },
  30_000,
)

test.runIf(ownRedis)(
  'Q07 a Redis that pauses twice as long as the lock ends each job once',
  async () => {
    const own = await startRedis()
    const it = await deploy({ redisUrl: own.url })
    const source = await sixBytes(it)
    await it.startWorker()
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const job = await it.producer.upload({ type: 'file', source })
    await it.simulator.waitFor(call => call.method === 'media/upload' && call.state === 'held')
    await own.pause(2 * lockMs)
    const [first] = await it.simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect(first?.aborted, 'the watchdog cut the call').toBe('client')
    const record = await until(
      'the end',
      async () => {
        const found = await it.producer.read(job.id).catch(() => undefined)
        return found?.state === 'done' ? found : undefined
      },
      { withinMs: 20_000 },
    )
    expect(record).toMatchObject({ unknowns: 1, duplicates: 0 })
  },
  40_000,
)

test('Q16 a job that keeps killing its workers is parked, and others go on', async () => {
  const it = await deploy()
  const source = await sixBytes(it)
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  const first = await it.startWorker()
  const poison = await it.producer.upload({ type: 'file', source, reuse: 'never' })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  // It has killed five workers before; BullMQ counts them in the job.
  await it.redis.hset(`${it.namespace}:upload:${poison.id}`, 'stc', 5)
  first.signal('SIGKILL')
  await first.ended
  await it.startWorker()
  const harmless = await it.producer.upload({ type: 'file', source, reuse: 'never' })
  await it.producer.result(harmless, { timeoutMs: 10_000 })
  await expect(it.producer.result(poison, { timeoutMs: 15_000 })).rejects.toMatchObject({
    kind: 'worker-died',
  })
  expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(2)
}, 40_000)

test('a platform that is busy is asked three times in all, however the attempts fall', async () => {
  const it = await deploy()
  await it.startHere()
  it.simulator.faults.add({ method: 'media/upload', times: 'always', do: 'errcode', errcode: -1 })
  const job = await it.producer.upload({ type: 'file', source: await sixBytes(it) })
  const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
  for (const tries of [1, 2]) {
    await until(`wait ${tries}`, async () => {
      const record = await it.producer.read(job.id)
      return record?.state === 'waiting' && record.tries.busy === tries
    })
    await until('promoted', async () =>
      (await queue.getJob(job.id))?.promote().then(
        () => true,
        () => false,
      ),
    )
  }
  await expect(it.producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({
    kind: 'busy',
    errcode: -1,
  })
  expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(3)
  await queue.close()
})

test('Q18 workers that are restarted one after the other under load repeat nothing', async () => {
  const it = await deploy()
  const source = await sixBytes(it)
  const jobs = await Promise.all(
    Array.from({ length: 150 }, (_, n) => it.producer.upload({ type: 'file', source, name: `${n}.txt` })),
  )
  it.simulator.faults.add({ method: 'media/upload', times: 'always', do: 'stall', at: 'head', ms: 50 })
  for (let round = 0; round < 3; round++) {
    const worker = await it.startWorker()
    await it.simulator.waitFor({ method: 'media/upload', errcode: 0 }, { count: 20 * (round + 1) })
    worker.signal('SIGTERM')
    expect(await worker.ended).toEqual({ code: 0, signal: null })
  }
  await it.startWorker()
  await Promise.all(jobs.map(job => it.producer.result(job, { timeoutMs: 15_000 })))
  const names = it.simulator.log({ method: 'media/upload' }).map(call => call.filename)
  expect(names).toHaveLength(150)
  expect(new Set(names).size).toBe(150)
}, 40_000)

test('Q19 a worker ends in time when Redis is away', async () => {
  const { startProxy } = await import('../support/proxy.ts')
  const it = await deploy()
  const proxy = await startProxy(it.config.redisUrl ?? '')
  const worker = await it.startWorker({ REDIS_URL: proxy.url, WECOM_MEDIA_GRACE_MS: '200' })
  await proxy.refuse()
  proxy.reset()
  const startedMs = performance.now()
  worker.signal('SIGTERM')
  expect(await worker.ended).toMatchObject({ code: 0 })
  expect(performance.now() - startedMs).toBeLessThan(12_000)
}, 30_000)

/** A job without an id of its own: BullMQ counts, and the record is called after the queue. Its upload is under way. */
async function heldInUpload(it: Deployment): Promise<Queue> {
  const source = await sixBytes(it)
  await it.startHere()
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
  await queue.add('media.upload', { type: 'file', source })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  return queue
}

test('the result of an attempt that was overtaken is accepted when it is the first', async () => {
  const it = await deploy({ lockMs: 60_000 })
  const queue = await heldInUpload(it)
  // Another worker has taken it over, as far as the record knows.
  await it.redis.hincrby(`${it.namespace}:record:upload-1`, 'fence', 1)
  it.simulator.release()
  const record = await until('the end', async () => {
    const found = await it.producer.read('upload-1')
    return found?.state === 'done' ? found : undefined
  })
  // The first valid result wins, whoever brings it.
  expect(record).toMatchObject({ result: { name: 'a.txt' }, duplicates: 0 })
  await queue.close()
})

test('a job that BullMQ numbered is stopped when its lock is taken by another', async () => {
  const it = await deploy({ lockMs: 2_000 })
  const queue = await heldInUpload(it)
  await it.redis.set(`${it.namespace}:upload:1:lock`, 'somebody', 'PX', 60_000)
  await it.simulator.waitFor({ method: 'media/upload', state: 'done' }, { timeoutMs: 8_000 })
  expect(it.simulator.log({ method: 'media/upload' })[0]?.aborted).toBe('client')
  await queue.close()
})
