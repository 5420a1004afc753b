import { expect, test } from 'vitest'
import { jobId } from '../../src/queues/identity.ts'
import { deploy } from '../support/deployment.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

test('ids of keys differ by tenant, by job and by key, and are no path and no number', () => {
  const ids = [
    jobId('a', 'media.upload', 'k'),
    jobId('b', 'media.upload', 'k'),
    jobId('a', 'media.download', 'k'),
    jobId('a', 'media.upload', 'k2'),
    jobId('a', 'media.upload'),
  ]
  expect(new Set(ids).size).toBe(5)
  for (const id of ids) expect(id).toMatch(/^[A-Za-z][A-Za-z0-9]*$|^[0-9A-Z]{26}$/)
})

test('Q22 fifty producers with one key make one job', async () => {
  const { producer, put, startHere, simulator } = await deploy()
  await startHere()
  const source = { path: await put('a.txt', 'six bytes and more') }
  const jobs = await Promise.all(
    Array.from({ length: 50 }, () => producer.upload({ type: 'file', source }, { key: 'order' })),
  )
  expect(new Set(jobs.map(job => job.id)).size).toBe(1)
  expect(jobs.filter(job => job.isNew)).toHaveLength(1)
  const results = await Promise.all(jobs.map(job => producer.result(job, { timeoutMs: 5_000 })))
  expect(new Set(results.map(result => result.mediaId)).size).toBe(1)
  expect(simulator.log({ method: 'media/upload' })).toHaveLength(1)
})

test('a result is there for whoever asks late, also in another process', async () => {
  const it = await deploy()
  await it.startHere()
  const job = await it.producer.upload({
    type: 'file',
    source: { path: await it.put('a.txt', 'six bytes and more') },
  })
  const result = await it.producer.result(job, { timeoutMs: 5_000 })
  expect(await it.producer.result(job.id)).toEqual(result)
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'done', result })
})

test('waiting for a result ends at its timeout or with its signal; the job goes on', async () => {
  const { producer, put, startHere } = await deploy()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await expect(producer.result(job, { timeoutMs: 50 })).rejects.toMatchObject({ name: 'TimeoutError' })
  const reason = new Error('no more interest')
  const controller = new AbortController()
  const waiting = producer.result(job, { signal: controller.signal })
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await startHere()
  expect(await producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ via: 'sync' })
})

test('waiting ends in time and closing does not hang while Redis is away', async () => {
  const { createProducer } = await import('../../src/index.ts')
  const { config, producer, put } = await deploy()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  const proxy = await startProxy(config.redisUrl ?? '')
  const through = createProducer({ redis: proxy.url, baseUrl: config.baseUrl, prefix: config.prefix })
  await through.read(job.id)
  await proxy.refuse()
  proxy.reset()
  await expect(through.result(job, { timeoutMs: 300 })).rejects.toMatchObject({ name: 'TimeoutError' })
  await through.close()
})

test('a short outage of Redis does not end a wait', async () => {
  const { createProducer } = await import('../../src/index.ts')
  const { config, put, startHere, redis, namespace } = await deploy()
  const proxy = await startProxy(config.redisUrl ?? '')
  const through = createProducer({ redis: proxy.url, baseUrl: config.baseUrl, prefix: config.prefix })
  const job = await through.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  const result = through.result(job, { timeoutMs: 20_000 })
  result.catch(() => undefined)
  // It listens, and has looked once: only a job that was seen is waited for through an outage.
  const channel = `${namespace}:ended`
  await until('it waits', async () => Number((await redis.pubsub('NUMSUB', channel))[1]) > 0)
  for (let turn = 0; turn < 3; turn += 1) await through.read(job.id)
  await proxy.refuse()
  proxy.reset()
  await startHere()
  await proxy.accept()
  expect(await result).toMatchObject({ via: 'sync' })
  await through.close()
})

test('a timeout of more than 24.8 days is no timeout of 1 ms', async () => {
  const { producer, put } = await deploy()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  const controller = new AbortController()
  const waiting = producer.result(job, { timeoutMs: 30 * 24 * 3_600_000, signal: controller.signal })
  const first = await Promise.race([
    waiting.catch(() => 'over'),
    new Promise(resolve => setTimeout(resolve, 100, 'waits')),
  ])
  expect(first).toBe('waits')
  controller.abort()
  await waiting.catch(() => undefined)
})

test('an unknown id is not-found', async () => {
  const { producer } = await deploy()
  await expect(producer.result('nobody')).rejects.toMatchObject({ kind: 'not-found' })
  expect(await producer.read('nobody')).toBeUndefined()
})

test('a queued job that is cancelled never runs', async () => {
  const { producer, put, startHere, simulator, redis, namespace } = await deploy()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  expect(await producer.cancel(job)).toBe(true)
  expect(await producer.cancel(job), 'again').toBe(true)
  expect(await redis.zcard(`${namespace}:upload:prioritized`)).toBe(0)
  await startHere()
  await expect(producer.result(job)).rejects.toMatchObject({ kind: 'cancelled' })
  expect(simulator.log()).toEqual([])
})

test('a running job that is cancelled is cut in the middle of its call', async () => {
  const { producer, put, startHere, simulator } = await deploy()
  await startHere()
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await simulator.waitFor({ method: 'media/upload', state: 'held' })
  await producer.cancel(job)
  await expect(producer.result(job)).rejects.toMatchObject({ kind: 'cancelled' })
  const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
  expect(call?.aborted).toBe('client')
})

test('a cancelled job runs again when asked to', async () => {
  const { producer, put, startHere } = await deploy()
  const payload = { type: 'file' as const, source: { path: await put('a.txt', 'six bytes and more') } }
  const job = await producer.upload(payload, { key: 'k' })
  await producer.cancel(job)
  expect(await producer.upload(payload, { key: 'k' })).toMatchObject({ isNew: false })
  expect(await producer.upload(payload, { key: 'k', again: true })).toMatchObject({ id: job.id, isNew: true })
  await startHere()
  expect(await producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ name: 'a.txt' })
})

test('a worker that stops hands its running job back without costing an attempt', async () => {
  const { producer, put, startHere, simulator, redis, namespace } = await deploy()
  const app = await startHere({ graceMs: 100 })
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await simulator.waitFor({ method: 'media/upload', state: 'held' })
  await app.stop()
  expect(await producer.read(job.id)).toMatchObject({ state: 'queued', fence: 1 })
  expect(await redis.hget(`${namespace}:upload:${job.id}`, 'atm'), 'attempts made').toBeNull()
  expect(await redis.zrange(`${namespace}:upload:prioritized`, '0', '-1')).toEqual([job.id])
  await startHere()
  await producer.result(job, { timeoutMs: 5_000 })
  expect(await producer.read(job.id)).toMatchObject({ fence: 2 })
})

test('a job whose deadline passes while it runs ends as expired, and its call is cut', async () => {
  const { producer, put, startHere, simulator } = await deploy()
  await startHere()
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  const source = { path: await put('a.txt', 'six bytes and more') }
  const job = await producer.upload({ type: 'file', source, deadlineMs: 1_000 })
  await expect(producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'expired' })
  const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
  expect(call?.aborted).toBe('client')
})

test('progress of a long transfer can be read while it runs', async () => {
  const { producer, simulator, startHere } = await deploy()
  await startHere()
  const { mediaId } = await simulator.addMedia({ kind: 'async', sizeBytes: 30 * 1024 * 1024 })
  simulator.faults.add({ method: 'media/get', nth: 3, do: 'hold', at: 'answer' })
  const job = await producer.download({ mediaId })
  await simulator.waitFor({ method: 'media/get', state: 'held' })
  const record = await until('progress', async () => {
    const found = await producer.read(job.id)
    return found?.progress ? found : undefined
  })
  expect(record.progress).toMatchObject({ totalBytes: 30 * 1024 * 1024 })
  simulator.release()
  await producer.result(job, { timeoutMs: 10_000 })
})
