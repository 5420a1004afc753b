/** Webhooks, the whole way: producer, real Redis, workers, and a receiver over real sockets. Each end of a job is told at least once, under one id, however it came about. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createAdmin } from '../../src/queues/admin.ts'
import { askAgain } from '../../src/queues/again.ts'
import { tellEnd } from '../../src/queues/notify.ts'
import { reconcile } from '../../src/queues/reconcile.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { type Answer, type Message, startWebhookReceiver } from '../support/webhook-receiver.ts'

const jpg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(500, 7)])

const stage = async (answer?: Answer) => {
  const receiver = await startWebhookReceiver(answer)
  const deployment = await deploy({ env: receiver.env })
  await deployment.put('a.jpg', jpg)
  const webhook = receiver.url
  return {
    ...{ receiver, deployment },
    ...deployment,
    owed: () => deployment.redis.zcard(`${deployment.namespace}:owed`),
    upload: (path = 'a.jpg') => deployment.producer.upload({ type: 'image', source: { path }, webhook }),
    received: (count: number): Promise<readonly Message[]> =>
      until(`${count} messages`, () => (receiver.messages.length >= count ? receiver.messages : undefined)),
  }
}

const adminOf = ({ redis, namespace }: Deployment) => {
  const admin = createAdmin(redis, namespace, () => undefined)
  atEnd(() => admin.close())
  return admin
}

/** The only job that tells, once it stands so. */
const notice = async (
  { redis, namespace }: Deployment,
  state: 'completed' | 'failed' | 'delayed' | 'prioritized',
) => {
  const queue = new Queue('notify', { connection: redis, prefix: namespace })
  try {
    const one = async () => (await queue.getJobs([state])).at(0)
    const found = await until(`a job that tells is ${state}`, one)
    const counts = await queue.getJobCounts()
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(1)
    return found
  } finally {
    await queue.close()
  }
}

const bodyOf = ({ body }: Message) => JSON.parse(body)

test('a job that is done is told once, signed, with its result', async () => {
  const { deployment, upload, received, owed, producer } = await stage()
  await deployment.startHere()
  const job = await upload()
  const result = await producer.result(job)
  const [message] = await received(1)
  expect(message).toMatchObject({
    method: 'POST',
    path: '/ended?for=s3cret-of-the-app',
    headers: {
      'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^k[0-9a-f]{32}$/),
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
    },
  })
  const record = await producer.read(job.id)
  expect(bodyOf(message as Message)).toEqual({
    type: 'job.done',
    timestamp: new Date(record?.endedAtMs ?? 0).toISOString(),
    data: {
      ...{ id: job.id, name: 'media.upload', app: 'default', state: 'done', result },
      ...{ createdAtMs: record?.createdAtMs, endedAtMs: record?.endedAtMs },
    },
  })
  const { id, returnvalue } = await notice(deployment, 'completed')
  expect([id, returnvalue]).toEqual([message?.headers['webhook-id'], { as: 'delivered', status: 204 }])
  expect(await owed()).toBe(0)
})

test('a job that fails and one that is cancelled are told with their faults', async () => {
  const { deployment, upload, received, producer } = await stage()
  const cancelled = await upload()
  await producer.cancel(cancelled)
  await deployment.startHere()
  const failed = await upload('none.jpg')
  const bodies = (await received(2)).map(bodyOf)
  expect(Object.fromEntries(bodies.map(({ type, data }) => [data.id, [type, data.fault.kind]]))).toEqual({
    [cancelled.id]: ['job.cancelled', 'cancelled'],
    [failed.id]: ['job.failed', 'not-found'],
  })
})

test('a job of a foreign producer is told, even one whose payload is not valid', async () => {
  const { deployment, redis, namespace, receiver, received } = await stage()
  await deployment.startHere()
  const queue = new Queue('upload', { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  await queue.add('media.upload', { type: 'song', webhook: receiver.url })
  await queue.add('media.upload', { type: 'song', webhook: 'file:///etc/passwd' })
  const [message] = await received(1)
  expect(bodyOf(message as Message)).toMatchObject({
    type: 'job.failed',
    data: { name: 'media.upload', fault: { kind: 'invalid' } },
  })
  await notice(deployment, 'completed')
})

test('a receiver that fails is told again later, under the same id, and the job does not suffer', async () => {
  const { deployment, upload, received, producer } = await stage(nth => (nth === 1 ? 500 : 200))
  await deployment.startHere()
  const job = await upload()
  await received(1)
  expect((await producer.read(job.id))?.state).toBe('done')
  const { id = '', delay, failedReason } = await notice(deployment, 'delayed')
  // The first gap of the schedule, and what varies it.
  expect(delay).toBeGreaterThanOrEqual(4_000)
  expect(delay).toBeLessThanOrEqual(6_000)
  expect(failedReason).not.toContain('s3cret')
  await adminOf(deployment).wake('notify', id)
  const [first, second] = await received(2)
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  expect(second?.body).toBe(first?.body)
  await notice(deployment, 'completed')
})

test('a redirect is not followed', async () => {
  const elsewhere = await startWebhookReceiver()
  const { deployment, upload, received } = await stage(
    () => response => response.writeHead(307, { Location: elsewhere.url }).end(),
  )
  await deployment.startHere()
  await upload()
  await received(1)
  const { id = '' } = await notice(deployment, 'delayed')
  expect((await deployment.producer.read(id))?.lastFault).toMatchObject({
    kind: 'transient',
    message: expect.stringMatching(/HTTP 307.*redirects are not followed/),
  })
  expect(elsewhere.messages).toEqual([])
})

test('a receiver that answers 410 is never told again', async () => {
  const { deployment, upload } = await stage(() => 410)
  await deployment.startHere()
  await upload()
  const { id = '' } = await notice(deployment, 'failed')
  expect((await deployment.producer.read(id))?.fault).toMatchObject({ kind: 'rejected' })
})

test.each([
  ['hosts that are off', { hosts: 'off' as const }, 'config'],
  ['another host', { hosts: ['app.example.com'] }, 'forbidden-address'],
  ['a private address', { privateNets: [] }, 'forbidden-address'],
  ['a port that is not allowed', { ports: [] }, 'forbidden-address'],
])('by settings with %s nobody is told, and the job does not suffer', async (_what, web, kind) => {
  const { deployment, upload, receiver, producer, config } = await stage()
  await deployment.startHere({ webhooks: { ...config.webhooks, web: { ...config.webhooks.web, ...web } } })
  await producer.result(await upload())
  const { id = '' } = await notice(deployment, 'failed')
  const fault = (await producer.read(id))?.fault
  expect(fault?.kind).toBe(kind)
  expect(fault?.message).toContain('WECOM_MEDIA_WEBHOOK_')
  expect(fault?.message).not.toMatch(/s3cret|WECOM_MEDIA_URL/)
  expect(receiver.messages).toEqual([])
})

test('without a secret nobody is told', async () => {
  const { deployment, upload, producer, config } = await stage()
  await deployment.startHere({ webhooks: { ...config.webhooks, secrets: [] } })
  await upload()
  const { id = '' } = await notice(deployment, 'failed')
  expect((await producer.read(id))?.fault).toMatchObject({ kind: 'config' })
})

test('an end whose writer died before it told anybody is told by another worker', async () => {
  const { deployment, redis, namespace, records, upload, received, owed } = await stage()
  const job = await upload()
  // As a worker that is killed at once would leave it: the end, and nothing else.
  const fault = { kind: 'worker-died', message: 'x' } as const
  await records.settle(job, { as: 'failed', fault })
  expect(await owed()).toBe(1)
  await redis.zadd(`${namespace}:owed`, 0, job.id)
  await deployment.startHere()
  const [message] = await received(1)
  expect(bodyOf(message as Message)).toMatchObject({ data: { id: job.id, fault } })
  await until('nothing is owed', async () => (await owed()) === 0)
})

test('a job that no worker took in time, and one that killed its workers, are told', async () => {
  const { deployment, redis, namespace, records, upload, received, owed } = await stage()
  const admin = adminOf(deployment)
  const [late, deadly] = [await upload(), await upload()]
  await redis.hset(`${namespace}:record:${late.id}`, 'deadlineAtMs', Date.now() - 1)
  // As BullMQ leaves it past its count of stalls: failed, and no processor was called.
  await redis.hset(`${namespace}:record:${deadly.id}`, 'state', 'running')
  await redis.zrem(`${namespace}:upload:prioritized`, deadly.id)
  await redis.zadd(`${namespace}:upload:failed`, Date.now(), deadly.id)
  for (const { id } of [late, deadly]) await redis.zadd(`${namespace}:open`, 1, id)
  // And dies itself before it tells anybody.
  await reconcile({ records, admin, clock: systemClock })
  expect(await owed()).toBe(2)
  for (const { id } of [late, deadly]) await redis.zadd(`${namespace}:owed`, 0, id)
  await deployment.startHere()
  const bodies = (await received(2)).map(bodyOf)
  expect(Object.fromEntries(bodies.map(({ type, data }) => [data.id, [type, data.fault.kind]]))).toEqual({
    [late.id]: ['job.failed', 'expired'],
    [deadly.id]: ['job.failed', 'worker-died'],
  })
  await until('nothing is owed', async () => (await owed()) === 0)
})

test('an end that is told twice is one job', async () => {
  const { deployment, records, upload, owed } = await stage()
  const admin = adminOf(deployment)
  const job = await upload()
  await records.settle(job, { as: 'cancelled', fault: { kind: 'cancelled', message: 'x' } })
  await Promise.all([1, 2, 3].map(() => tellEnd({ records, admin }, job.id)))
  await notice(deployment, 'prioritized')
  expect(await owed()).toBe(0)
})

test('a job that was asked for again is told its next end only', async () => {
  const { deployment, records, upload, received } = await stage()
  const admin = adminOf(deployment)
  const job = await upload('late.jpg')
  await records.settle(job, { as: 'failed', fault: { kind: 'not-found', message: 'x' } })
  await tellEnd({ records, admin }, job.id)
  const { id: first = '' } = await notice(deployment, 'prioritized')
  await deployment.put('late.jpg', jpg)
  expect(await askAgain(records, admin, job.id)).toBe('queued')
  await deployment.startHere()
  const [message] = await received(1)
  expect(bodyOf(message as Message)).toMatchObject({ type: 'job.done' })
  expect(message?.headers['webhook-id']).not.toBe(first)
  const superseded = async () => (await deployment.producer.read(first))?.result
  expect(await until('its end', superseded)).toEqual({ as: 'superseded' })
})

test('a worker that is killed while it tells loses nothing: another one tells, under the same id', async () => {
  const { deployment, upload, received } = await stage(nth => (nth === 1 ? () => undefined : 204))
  const worker = await deployment.startWorker()
  await upload()
  await received(1)
  worker.signal('SIGKILL')
  await deployment.startHere()
  const [first, second] = await received(2)
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
  expect(second?.body).toBe(first?.body)
})
