/** What the board does with jobs, and what it shows of them (S09): real workers, the simulator, BullMQ's own queues. */

import { Queue } from 'bullmq'
import { expect, test } from 'vitest'
import { atEnd } from '../support/at-end.ts'
import { startProxy } from '../support/proxy.ts'
import { testRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { type BoardStage, startBoard } from './board-stage.ts'

const queueOf = ({ redis, namespace }: BoardStage, name: string): Queue => {
  const queue = new Queue(name, { connection: redis, prefix: namespace })
  atEnd(() => queue.close())
  return queue
}

/** Asks for a deed on a job. */
const doing = async (it: BoardStage, queue: string) => {
  const cookie = await it.session()
  return async (job: string, deed: string) => {
    const answer = await it.ask('PUT', `/board/api/queues/${queue}/${job}/${deed}`, { cookie })
    const body = await answer.text()
    return { status: answer.status, message: body === '' ? undefined : (JSON.parse(body).message as unknown) }
  }
}

test('a failed job that is retried runs once more, with a record that is open again, and is done', async () => {
  const it = await startBoard({ write: true })
  const path = `${it.root}/late.txt`
  const job = await it.producer.upload({ type: 'file', source: { path } })
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ kind: 'not-found' })
  await it.put('late.txt', 'here it is, at last')
  const act = await doing(it, 'upload')
  await until('BullMQ knows', async () => (await queueOf(it, 'upload').getJobState(job.id)) === 'failed')
  expect(await act(job.id, 'retry')).toEqual({ status: 204, message: undefined })
  expect(await it.producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ name: 'late.txt' })
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'done' })
  await until('BullMQ knows', async () => (await queueOf(it, 'upload').getJobState(job.id)) === 'completed')
  expect(await act(job.id, 'retry')).toMatchObject({
    status: 409,
    message: 'the record says done: only what has failed runs again',
  })
  expect(it.simulator.log({ method: 'media/upload' })).toHaveLength(1)
  const deeds = () => it.logged.filter(({ deed }) => deed === 'retry')
  await until('the log', () => deeds().length === 2)
  expect(deeds()).toMatchObject([
    { queue: 'upload', job: job.id, user: 'admin', from: '127.0.0.1', status: 204 },
    { job: job.id, status: 409 },
  ])
})

test('a job that waits and is removed is cancelled for whoever waits for it', async () => {
  const it = await startBoard({ write: true })
  const queue = queueOf(it, 'upload')
  await queue.pause()
  const job = await it.producer.upload({ type: 'file', source: { path: await it.put('a.txt', 'six bytes') } })
  const act = await doing(it, 'upload')
  expect((await act(job.id, 'clean')).status).toBe(204)
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ kind: 'cancelled' })
  expect(await queue.getJobState(job.id)).toBe('unknown')
  expect((await act(job.id, 'clean')).status).toBe(404)
})

test('a job that runs and is removed is cut, and one that has ended keeps its record', async () => {
  const it = await startBoard({ write: true })
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const source = { path: await it.put('a.txt', 'six bytes and more') }
  const job = await it.producer.upload({ type: 'file', source })
  await it.simulator.waitFor(call => call.method === 'media/upload' && call.state === 'held')
  const act = await doing(it, 'upload')
  expect((await act(job.id, 'clean')).status).toBe(204)
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ kind: 'cancelled' })
  const queue = queueOf(it, 'upload')
  await until('BullMQ knows', async () => (await queue.getJobState(job.id)) === 'failed')
  expect((await act(job.id, 'clean')).status).toBe(204)
  expect(await queue.getJobState(job.id)).toBe('unknown')
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'cancelled' })
})

test('a job whose data are not those of its record touches no record', async () => {
  const it = await startBoard({ write: true })
  const queue = queueOf(it, 'upload')
  await queue.pause()
  const job = await it.producer.upload({ type: 'file', source: { path: await it.put('a.txt', 'six bytes') } })
  await (await queue.getJob(job.id))?.updateData({ type: 'file', source: { path: '/etc/passwd' } })
  const act = await doing(it, 'upload')
  expect((await act(job.id, 'clean')).status).toBe(204)
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'queued' })
})

test('a job of a stranger, without a record, is retried as BullMQ does it; nonsense is refused with a reason', async () => {
  const it = await startBoard({ write: true })
  const queue = queueOf(it, 'download')
  await queue.add('media.nonsense', { a: 1 }, { jobId: 'nonsense' })
  await queue.add('media.download', { mediaId: 7, deadlineMs: 'soon' }, { jobId: 'misspelt' })
  await queue.add('media.download', { mediaId: 'x'.repeat(40_000) }, { jobId: 'huge' })
  const act = await doing(it, 'download')
  for (const job of ['nonsense', 'misspelt', 'huge']) {
    await until('it has failed', async () => (await queue.getJobState(job)) === 'failed')
    expect(await act(job, 'retry')).toEqual({
      status: 409,
      message: 'no job of this name, or not with this payload: queue it anew',
    })
  }
  await it.redis.del(`${it.namespace}:record:download-misspelt`)
  expect((await act('misspelt', 'retry')).status).toBe(204)
  await until('it has failed again', async () => (await queue.getJob('misspelt'))?.attemptsStarted === 2)
})

const canary = 'C4nary-0f_no-value-77'
const signed = `https://u:${canary}@cdn.example.com/a.png?X-Amz-Signature=${canary}&x=1`

test('S09 no secret of a payload, reason, stack, log, result or record is on any page', async () => {
  const it = await startBoard({ write: true, env: { WECOM_CORP_SECRET: canary } })
  const queue = queueOf(it, 'image')
  await queue.pause()
  const nasty = { source: { url: signed }, note: [signed, `access_token=${canary}`, canary], [signed]: 1 }
  await queue.add(`media.upload-image ${signed}`, nasty, { jobId: 'nasty', priority: 10 })
  await queue.add('media.upload-image', nasty, { jobId: 'later', delay: 60_000 })
  await queue.resume()
  const failed = await until('it has an end', async () => {
    const job = await queue.getJob('nasty')
    return (await job?.isFailed()) ? job : undefined
  })
  await failed.log(`fetch ${signed} failed: access_token=${canary}`)
  await failed.updateProgress({ at: signed })
  await it.redis.hset(`${it.namespace}:image:nasty`, {
    failedReason: `connect ${signed} refused ${canary}`,
    stacktrace: JSON.stringify([`Error: ${signed}\n    at x (${signed})`, canary]),
    returnvalue: JSON.stringify({ url: signed, deep: [{ [canary]: signed }] }),
  })
  const job = await it.producer.uploadImage({ source: { url: signed } })
  await it.producer.result(job, { timeoutMs: 5_000 }).catch(() => undefined)
  const cookie = await it.session()
  const paths = [
    ...[
      'queues',
      'queues?activeQueue=image&status=latest&page=1&jobsPerPage=20',
      'queues?activeQueue=image&status=failed',
    ],
    ...['redis/stats', 'job-schedulers', 'queues/image/metrics', 'queues/image/default-job-options'],
    ...['nasty', 'later', job.id].flatMap(id => [
      `queues/image/${id}`,
      `queues/image/${id}/logs`,
      `queues/image/${id}/flow`,
    ]),
  ].map(path => `/board/api/${path}`)
  const records = ['/board/records/image-nasty', `/board/records/${job.id}`]
  let seen = ''
  for (const path of [...paths, ...records, '/board/']) {
    const answer = await it.ask('GET', path, { cookie })
    const text = await answer.text()
    expect([path, answer.status]).toEqual([path, 200])
    expect([path, text.includes(canary)]).toEqual([path, false])
    seen += text
  }
  for (const verb of ['retry', 'promote', 'clean']) {
    const answer = await it.ask('PUT', `/board/api/queues/image/${encodeURIComponent(signed)}/${verb}`, {
      cookie,
    })
    expect(await answer.text()).not.toContain(canary)
  }
  expect(seen).toContain('https://cdn.example.com/a.png?[hidden]')
  expect(JSON.stringify(it.logged)).not.toContain(canary)
})

test('the beat of keep-alive is shown with its next time, and nobody stops it from here', async () => {
  const it = await startBoard({ write: true })
  const cookie = await it.session()
  const get = async (path: string) =>
    (await (await it.ask('GET', `/board/api/${path}`, { cookie })).json()) as Record<string, object[]>
  const beats = () => get('job-schedulers').then(({ schedulers }) => schedulers ?? [])
  await until('it beats', async () => JSON.stringify(await beats()).includes('"keep-alive"'))
  const { queues } = await get('queues')
  expect(queues).toContainEqual(expect.objectContaining({ name: 'keep-alive', readOnlyMode: true }))
  expect((await it.ask('PUT', '/board/api/queues/keep-alive/pause', { cookie })).status).toBe(405)
  expect((await it.ask('PUT', '/board/api/queues/pause', { cookie })).status).toBe(200)
  const paused = (name: string) => it.redis.hget(`${it.namespace}:${name}:meta`, 'paused')
  expect([await paused('upload'), await paused('keep-alive')]).toEqual(['1', null])
})

test('the page of a record shows what happened, and no script of a payload runs on it', async () => {
  const it = await startBoard()
  const job = await it.producer.download({ mediaId: '<script>alert(1)</script>' })
  await it.producer.result(job, { timeoutMs: 5_000 }).catch(() => undefined)
  const cookie = await it.session()
  const page = await it.ask('GET', `/board/records/${job.id}`, { cookie })
  const text = await page.text()
  expect(page.status).toBe(200)
  expect(text).not.toContain('<script>')
  expect(text).toContain('alert(1)')
  for (const word of ['media.download', job.id, 'failed', 'gone', '40007']) expect(text).toContain(word)
  expect((await it.ask('GET', '/board/records/unknown', { cookie })).status).toBe(404)
})

test('without Redis the board says so in time, and works when Redis is back', async () => {
  const proxy = await startProxy(testRedis().url)
  const it = await startBoard({ redisUrl: proxy.url })
  const cookie = await it.session()
  expect((await it.ask('GET', '/board/api/queues', { cookie })).status).toBe(200)
  await proxy.refuse()
  proxy.reset()
  const startMs = performance.now()
  expect((await it.ask('GET', '/board/api/queues', { cookie })).status).toBe(500)
  expect(performance.now() - startMs).toBeLessThan(6_000)
  expect((await it.ask('GET', '/board/', { cookie })).status).toBe(200)
  await proxy.accept()
  await until('back', async () => (await it.ask('GET', '/board/api/queues', { cookie })).status === 200)
})
