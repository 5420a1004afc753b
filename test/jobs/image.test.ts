/** media.upload-image: units of the quota are spent once per call that may have been counted, never more, never less. */

import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { account, type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

const png = (sizeBytes = 500): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(sizeBytes - 8)])

const small = {
  limits: { methods: { 'media/uploadimg': { quota: { day: { amount: 3 }, month: { amount: 5 } } } } },
} as const

/** Unit ids that count today. */
const units = async ({ redis, namespace }: Deployment): Promise<string[]> => {
  const keys = await redis.keys(`${namespace}:limit:*`)
  const sets = await Promise.all(
    keys.map(async key => ((await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : [])),
  )
  return sets.flat().filter(member => /^\w+:\d+$/.test(member))
}

const image = async ({ producer, put }: Deployment, name: string, more: object = {}) =>
  producer.uploadImage({ source: { path: await put(name, png()) }, ...more })

test('an image becomes a URL, and costs one unit', async () => {
  const it = await deploy()
  await it.startHere()
  const job = await image(it, '图.png')
  const { url, name } = await it.producer.result(job, { timeoutMs: 5_000 })
  expect(name).toBe('图.png')
  expect((await fetch(url)).status).toBe(200)
  expect(await units(it)).toEqual([`${job.id}:0`])
})

test.each([
  ['too small', Buffer.alloc(4), 'invalid'],
  ['too large', Buffer.concat([png(), Buffer.alloc(2 * 1024 * 1024)]), 'too-big'],
  ['no picture', Buffer.from('this is no picture'), 'wrong-type'],
])('an image that is %s is refused before a unit is spent', async (_what, content, kind) => {
  const it = await deploy()
  await it.startHere()
  const job = await it.producer.uploadImage({ source: { path: await it.put('a.png', content) } })
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ kind })
  expect(await units(it)).toEqual([])
  expect(it.simulator.log()).toEqual([])
})

test('over the quota no call is made: jobs wait for the next day and say so, or stop by their deadline', async () => {
  const it = await deploy()
  await it.startHere(small)
  const done = await Promise.all(['a', 'b', 'c'].map(name => image(it, `${name}.png`)))
  for (const job of done) await it.producer.result(job, { timeoutMs: 5_000 })
  const patient = await image(it, 'd.png')
  const hasty = await image(it, 'e.png', { deadlineMs: 5_000 })
  await expect(it.producer.result(hasty, { timeoutMs: 5_000 })).rejects.toMatchObject({
    kind: 'expired',
    message: expect.stringContaining('quota'),
  })
  const { waiting } = await until('the wait', async () => {
    const record = await it.producer.read(patient.id)
    return record?.waiting ? record : undefined
  })
  const midnight = new Date(waiting?.untilMs ?? 0)
  expect(waiting?.why.kind).toBe('quota')
  expect((midnight.getTime() + 8 * 3_600_000) % 86_400_000, 'about midnight in Shanghai').toBeLessThan(
    120_000,
  )
  expect(it.simulator.log({ method: 'media/uploadimg' })).toHaveLength(3)
})

test('R09 an image whose answer was lost keeps its unit; the next call has one of its own', async () => {
  const it = await deploy()
  await it.startHere(small)
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'drop-reply' })
  const job = await image(it, 'a.png')
  await it.producer.result(job, { timeoutMs: 10_000 })
  expect((await units(it)).toSorted()).toEqual([`${job.id}:0`, `${job.id}:1`])
})

test('with onUnknown: hold an image is not sent twice', async () => {
  const it = await deploy()
  await it.startHere()
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'drop-reply' })
  const job = await image(it, 'a.png', { onUnknown: 'hold' })
  await expect(it.producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'unknown' })
  expect(it.simulator.log({ method: 'media/uploadimg' })).toHaveLength(1)
  expect(await units(it)).toHaveLength(1)
})

test('an image that is asked for again after a hold takes a unit of its own', async () => {
  const it = await deploy()
  await it.startHere()
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'drop-reply' })
  const payload = { source: { path: await it.put('a.png', png()) }, onUnknown: 'hold' } as const
  const job = await it.producer.uploadImage(payload, { key: 'k' })
  await it.producer.result(job, { timeoutMs: 10_000 }).catch(() => undefined)
  await it.producer.uploadImage(payload, { key: 'k', again: true })
  await it.producer.result(job, { timeoutMs: 10_000 })
  expect((await units(it)).toSorted()).toEqual([`${job.id}:0`, `${job.id}:1`])
})

test('a worker killed in the middle of an image: with hold the job stops, and asks for no second unit', async () => {
  const it = await deploy()
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'hold', at: 'answer' })
  const first = await it.startWorker()
  const job = await image(it, 'a.png', { onUnknown: 'hold' })
  await it.simulator.waitFor(call => call.method === 'media/uploadimg' && call.state === 'held')
  first.signal('SIGKILL')
  await first.ended
  it.simulator.release()
  await it.startWorker()
  await expect(it.producer.result(job, { timeoutMs: 15_000 })).rejects.toMatchObject({ kind: 'unknown' })
  expect(await units(it)).toEqual([`${job.id}:0`])
}, 30_000)

test('a call that was never sent gives its unit back', async () => {
  const it = await deploy()
  await it.startHere({ apps: { default: { ...account, secret: 'wrong-secret' } } })
  const job = await image(it, 'a.png')
  await until('the wait', async () => (await it.producer.read(job.id))?.waiting)
  expect(await units(it)).toEqual([])
})

test('a token that died costs no second unit', async () => {
  const it = await deploy()
  await it.startHere()
  await it.producer.result(await image(it, 'a.png'), { timeoutMs: 5_000 })
  it.simulator.invalidateTokens()
  const job = await image(it, 'b.png')
  await it.producer.result(job, { timeoutMs: 5_000 })
  expect((await units(it)).filter(unit => unit.startsWith(job.id))).toHaveLength(1)
})
