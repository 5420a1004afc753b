/** A token that dies while uploads run: one refresh for the fleet, and each body sent whole the second time. */

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

const mib = 1024 * 1024
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test.each([
  40014, 42001,
] as const)('a token refused with %i during uploads of two workers is refreshed once', async errcode => {
  const { simulator, producer, put, startWorker } = await deploy()
  await Promise.all([
    startWorker({ WECOM_MEDIA_CONCURRENCY: '1' }),
    startWorker({ WECOM_MEDIA_CONCURRENCY: '1' }),
  ])
  const content = Buffer.alloc(4 * mib, 'whole')
  const source = { path: await put('a.bin', content) }
  // Both uploads are under way with the first token when it is taken back; the platform looks at it after the body.
  simulator.faults.add({
    method: 'media/upload',
    times: 2,
    do: 'errcode',
    errcode,
    early: 'keep-reading',
    afterBytes: 2 * mib,
  })
  simulator.faults.add({ method: 'media/upload', times: 2, do: 'hold', at: 'request', afterBytes: mib })
  // One is hashed before it is sent, the other while it is.
  const jobs = await Promise.all(
    (['allow', 'never'] as const).map(reuse =>
      producer.upload({ type: 'file', source, name: `${reuse}.bin`, reuse }),
    ),
  )
  await simulator.waitFor({ method: 'media/upload', state: 'held' }, { count: 2 })
  simulator.invalidateTokens({ errcode })
  simulator.release()
  const results = await Promise.all(jobs.map(job => producer.result(job, { timeoutMs: 15_000 })))
  expect(simulator.log({ method: 'gettoken' }).map(call => call.errcode)).toEqual([0, 0])
  const uploads = simulator.log({ method: 'media/upload' })
  expect(uploads.map(call => call.errcode)).toEqual([errcode, errcode, 0, 0])
  for (const { name, mediaId } of results) {
    expect(uploads.find(call => call.mediaId === mediaId)).toMatchObject({
      filename: name,
      sha256: sha256(content),
    })
  }
  // By the hash of what was sent the second time.
  const again = await producer.upload({ type: 'file', source, name: 'never.bin' })
  expect(await producer.result(again)).toMatchObject({ mediaId: results[1]?.mediaId, reused: true })
  for (const job of jobs)
    expect(await producer.read(job.id)).toMatchObject({ fence: 1, calls: 2, duplicates: 0 })
}, 30_000)

test('two hundred jobs on two cold workers ask for one token', async () => {
  const { simulator, producer, put, startWorker } = await deploy()
  const source = { path: await put('a.txt', 'six bytes and more') }
  const jobs = await Promise.all(
    Array.from({ length: 200 }, () => producer.upload({ type: 'file', source, reuse: 'never' })),
  )
  await Promise.all([startWorker(), startWorker()])
  await Promise.all(jobs.map(job => producer.result(job, { timeoutMs: 15_000 })))
  expect(simulator.log({ method: 'gettoken' })).toHaveLength(1)
  expect(simulator.log({ method: 'media/upload' })).toHaveLength(200)
}, 30_000)

test('an address that is not trusted closes the app for the fleet; one probe opens it again', async () => {
  const it = await deploy()
  await it.startHere()
  it.simulator.limits.change({ trustedIps: ['10.0.0.1'] })
  const source = { path: await it.put('a.txt', 'six bytes and more') }
  const first = await it.producer.upload({ type: 'file', source })
  const waiting = async (id: string) => {
    const record = await it.producer.read(id)
    return record?.waiting
  }
  const { why } = await until('the wait', () => waiting(first.id))
  expect(why).toMatchObject({
    kind: 'unavailable',
    errcode: 60020,
    message: expect.stringContaining('127.0.0.1'),
  })
  const jobs = await Promise.all(
    Array.from({ length: 20 }, () => it.producer.upload({ type: 'file', source })),
  )
  for (const { id } of jobs) await until('the wait', () => waiting(id))
  expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(1)
  it.simulator.limits.change({ trustedIps: 'any' })
  const [door] = await it.redis.keys(`${it.namespace}:token:*:door`)
  await it.redis.hset(door ?? '', 'nextMs', Date.now() - 1)
  const probe = await it.producer.upload({ type: 'file', source })
  expect(await it.producer.result(probe, { timeoutMs: 5_000 })).toMatchObject({ via: 'sync' })
  expect(await it.redis.exists(door ?? '')).toBe(0)
})

test('a probe that is refused for another reason opens an app that was closed for its address, too', async () => {
  const it = await deploy()
  await it.startHere()
  const source = { path: await it.put('a.txt', 'six bytes and more') }
  it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 60020 })
  const first = await it.producer.upload({ type: 'file', source })
  await until('it waits', async () => (await it.producer.read(first.id))?.waiting)
  const [door = ''] = await it.redis.keys(`${it.namespace}:token:*:door`)
  await it.redis.hset(door, 'nextMs', Date.now() - 1)
  const probe = await it.producer.download({ mediaId: 'never-issued' })
  await expect(it.producer.result(probe, { timeoutMs: 5_000 })).rejects.toMatchObject({ errcode: 40007 })
  expect(await it.redis.exists(door)).toBe(0)
})
