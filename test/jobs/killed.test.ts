/** Workers that die, freeze or lose Redis in the middle of a job. Ids: notes/reliability.md §6. */

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesOf, deploy, lockMs, stalledMs } from '../support/deployment.ts'
import { startProxy } from '../support/proxy.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const mib = 1024 * 1024
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
/** A dead worker's job starts again after its lock and two looks; the rest is room for a noisy machine. */
const recovery = { timeoutMs: lockMs + 2 * stalledMs + 10_000 }

test('Q01 a job whose worker is killed in the middle of the upload ends right on another worker', async () => {
  const { simulator, producer, put, startWorker } = await deploy()
  const content = Buffer.alloc(8 * mib, 'killed')
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request', afterBytes: 4 * mib })
  const first = await startWorker()
  const job = await producer.upload({ type: 'file', source: { path: await put('a.bin', content) } })
  await simulator.waitFor({ method: 'media/upload', state: 'held' })
  first.signal('SIGKILL')
  await first.ended
  await startWorker()
  const { mediaId } = await producer.result(job, recovery)
  const uploads = simulator.log({ method: 'media/upload' })
  const accepted = uploads.filter(call => call.errcode === 0)
  expect(accepted.map(call => [call.mediaId, call.sha256])).toEqual([[mediaId, sha256(content)]])
  expect(uploads).toHaveLength(2)
  const record = await producer.read(job.id)
  expect(record).toMatchObject({ state: 'done', fence: 2, calls: 2, unknowns: 1, duplicates: 0 })
}, 30_000)

test('Q02 an upload that the platform took but nobody heard of is done again; the job shows one media_id', async () => {
  const { simulator, producer, put, startWorker } = await deploy()
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const first = await startWorker()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await simulator.waitFor(call => call.method === 'media/upload' && call.state === 'held')
  first.signal('SIGKILL')
  await first.ended
  simulator.release()
  await startWorker()
  const { mediaId } = await producer.result(job, recovery)
  const accepted = simulator.log(call => call.method === 'media/upload' && call.mediaId !== undefined)
  expect(accepted).toHaveLength(2)
  expect(accepted.at(-1)?.mediaId).toBe(mediaId)
  expect(await producer.read(job.id)).toMatchObject({ unknowns: 1, result: { mediaId } })
}, 30_000)

test('Q03 a job whose worker is killed between its result and the end of the job is not done again', async () => {
  const { simulator, producer, put, startWorker, redis, namespace } = await deploy()
  const first = await startWorker({ DIE_AT: 'done' })
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await first.ended
  const { mediaId } = await producer.result(job, recovery)
  await startWorker()
  await until('BullMQ completes it', () => redis.zscore(`${namespace}:upload:completed`, job.id), {
    withinMs: 15_000,
  })
  expect(simulator.log({ method: 'media/upload' }).map(call => call.mediaId)).toEqual([mediaId])
}, 30_000)

test('a 60 MB download goes on where its killed worker left it, byte for byte', async () => {
  const { simulator, producer, startWorker, downloads } = await deploy()
  const sizeBytes = 60 * mib
  const medium = await simulator.addMedia({
    kind: 'async',
    sizeBytes,
    name: '大文件.zip',
    contentType: 'application/zip',
  })
  simulator.faults.add({ method: 'media/get', nth: 4, do: 'stall', at: 'body' })
  const first = await startWorker()
  const job = await producer.download({ mediaId: medium.mediaId })
  await simulator.waitFor(
    call => call.method === 'media/get' && call.fault !== undefined && call.bytesOut > 0,
  )
  const seen = simulator.log({ method: 'media/get' }).length
  // Syncing and listing go on while the next slice comes.
  await until('three slices are listed', async () => {
    const list = (await readdir(downloads)).find(name => name.endsWith('.slices')) ?? ''
    return (await readFile(join(downloads, list), 'utf8').catch(() => '')).split('\n').length === 5
  })
  first.signal('SIGKILL')
  await first.ended
  await startWorker()
  const result = await producer.result(job, recovery)
  expect(sha256(await bytesOf(result))).toBe(medium.sha256)
  expect(result).toMatchObject({ sizeBytes, sha256: medium.sha256, name: '大文件.zip' })
  const again = simulator.log({ method: 'media/get' }).slice(seen)
  expect(again[0]?.range, 'three slices were on disk').toBe(`bytes=${3 * 8 * mib}-${4 * 8 * mib - 1}`)
  expect(await readdir(downloads)).toEqual([result.path.split('/').at(-1)])
}, 60_000)

test('a download that its worker hands back at SIGTERM goes on where it was', async () => {
  const { simulator, producer, startWorker } = await deploy()
  const medium = await simulator.addMedia({ kind: 'async', sizeBytes: 60 * mib })
  simulator.faults.add({ method: 'media/get', nth: 4, do: 'stall', at: 'body' })
  const first = await startWorker({ WECOM_MEDIA_GRACE_MS: '100' })
  const job = await producer.download({ mediaId: medium.mediaId })
  await simulator.waitFor(
    call => call.method === 'media/get' && call.fault !== undefined && call.bytesOut > 0,
  )
  const seen = simulator.log({ method: 'media/get' }).length
  first.signal('SIGTERM')
  await first.ended
  await startWorker()
  const result = await producer.result(job, recovery)
  expect(sha256(await bytesOf(result))).toBe(medium.sha256)
  expect(simulator.log({ method: 'media/get' })[seen]?.range).toBe(`bytes=${3 * 8 * mib}-${4 * 8 * mib - 1}`)
}, 60_000)

test('Q05 a worker that was stopped beyond its lock can write nothing any more', async () => {
  const { simulator, producer, put, startWorker } = await deploy()
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const zombie = await startWorker()
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await simulator.waitFor(call => call.method === 'media/upload' && call.state === 'held')
  zombie.signal('SIGSTOP')
  await startWorker()
  const { mediaId } = await producer.result(job, recovery)
  simulator.release()
  zombie.signal('SIGCONT')
  await until('the zombie gives up', () => /lease-lost|duplicate/.test(zombie.stderr()))
  expect(await producer.read(job.id)).toMatchObject({ state: 'done', result: { mediaId } })
  const accepted = simulator.log(call => call.method === 'media/upload' && call.mediaId !== undefined)
  expect(accepted.map(call => call.mediaId === mediaId)).toEqual([false, true])
}, 30_000)

test('Q06 a worker whose link to Redis froze stops its call before another worker starts the job', async () => {
  const { simulator, producer, put, startWorker, config } = await deploy()
  const proxy = await startProxy(config.redisUrl ?? '')
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  await startWorker({ REDIS_URL: proxy.url })
  const job = await producer.upload({
    type: 'file',
    source: { path: await put('a.txt', 'six bytes and more') },
  })
  await simulator.waitFor({ method: 'media/upload', state: 'held' })
  proxy.freeze('up', 'down')
  await startWorker()
  await producer.result(job, recovery)
  const [first, second] = simulator.log({ method: 'media/upload' })
  expect(first?.aborted).toBe('client')
  expect(first?.endedAtMs, 'the first call ended before the second arrived').toBeLessThan(second?.atMs ?? 0)
}, 30_000)

test.runIf(ownRedis)(
  'Q08 a Redis that is killed and comes back loses no job and repeats none',
  async () => {
    const own = await startRedis({ appendonly: true })
    const { simulator, producer, put, startWorker } = await deploy({ redisUrl: own.url })
    await startWorker()
    const path = await put('a.txt', 'six bytes and more')
    const jobs = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        producer.upload({ type: 'file', source: { path }, name: `${i}.txt` }),
      ),
    )
    await simulator.waitFor({ method: 'media/upload', errcode: 0 }, { count: 10 })
    // Everything written is on disk after a second (appendfsync everysec); a kill of the process alone loses nothing.
    await own.kill()
    await own.restart()
    const results = await Promise.all(jobs.map(job => finished(producer.read, job.id)))
    expect(results.filter(record => record.state === 'done')).toHaveLength(100)
    const names = simulator
      .log(call => call.method === 'media/upload' && call.errcode === 0)
      .map(call => call.filename)
    expect(new Set(names).size).toBe(100)
    const explained = results.reduce((sum, record) => sum + record.unknowns, 0)
    expect(names.length - 100).toBeLessThanOrEqual(explained)
  },
  60_000,
)

const finished = <R extends { readonly state: string }>(
  read: (id: string) => Promise<R | undefined>,
  id: string,
): Promise<R> =>
  until(
    `job ${id} ends`,
    async () => {
      const record = await read(id).catch(() => undefined)
      return record?.state === 'done' || record?.state === 'failed' ? record : undefined
    },
    { withinMs: 40_000, everyMs: 50 },
  )

test('Q15 a job that fell out of every list of BullMQ is put back by asking again with its key', async () => {
  const { simulator, producer, put, startHere, redis, namespace } = await deploy()
  const payload = { type: 'file' as const, source: { path: await put('a.txt', 'six bytes and more') } }
  const job = await producer.upload(payload, { key: 'order-7' })
  expect(await redis.zrem(`${namespace}:upload:prioritized`, job.id)).toBe(1)
  await startHere()
  expect(await producer.upload(payload, { key: 'order-7' })).toEqual({ ...job, isNew: false })
  await producer.result(job, { timeoutMs: 5_000 })
  expect(simulator.log({ method: 'media/upload' })).toHaveLength(1)
})
