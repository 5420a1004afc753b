/** Jobs that wait for another one's upload: what they read, what they ask for, and what is left when one is cancelled. */

import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createAdmin } from '../../src/queues/admin.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { held, setUp } from './async-stage.ts'

const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)])
const taken = ({ simulator }: Pick<Deployment, 'simulator'>, method: string) =>
  simulator.log({ method }).filter(({ errcode }) => errcode === 0)

const waits = ({ producer }: Deployment, id: string) =>
  until('it follows', async () => (await producer.read(id))?.waiting?.why.kind === 'pending')

/** Has a waiting job look again, as it does every 30 s; resolves when it has. */
async function lookAgain({ producer, redis, namespace }: Deployment, queue: string, id: string) {
  const fence = async () => (await producer.read(id))?.fence ?? 0
  const before = await fence()
  const admin = createAdmin(redis, namespace, () => undefined)
  await until('it is woken', () => admin.wake(queue, id))
  await until('it has looked', async () => (await fence()) > before)
  await admin.close()
}

test('one that follows fetches its URL once, however often it looks', async () => {
  const it = await setUp()
  await it.startHere()
  const source = { url: it.files.put('/logo.png', png()) }
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const leader = await it.producer.upload({ type: 'image', source })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  const follower = await it.producer.upload({ type: 'image', source })
  await waits(it, follower.id)
  for (let look = 0; look < 3; look += 1) {
    await lookAgain(it, 'upload', follower.id)
    await waits(it, follower.id)
  }
  it.simulator.release()
  const { mediaId } = await it.producer.result(leader, { timeoutMs: 5_000 })
  const result = await it.producer.result(follower, { timeoutMs: 5_000 })
  expect(result).toMatchObject({ mediaId, name: 'logo.png', sizeBytes: 508, reused: true })
  expect(it.files.asked.filter(path => path === '/logo.png')).toHaveLength(2)
})

test('an article that follows fetches its image once', async () => {
  const it = await setUp()
  await it.startHere()
  const url = it.files.put('/logo.png', png())
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'hold', at: 'answer' })
  const leader = await it.producer.uploadImage({ source: { url } })
  await it.simulator.waitFor({ method: 'media/uploadimg', state: 'held' })
  const article = await it.producer.article({ html: `<img src="${url}">` })
  await waits(it, article.id)
  await lookAgain(it, 'article', article.id)
  await waits(it, article.id)
  it.simulator.release()
  const image = await it.producer.result(leader, { timeoutMs: 5_000 })
  const { images } = await it.producer.result(article, { timeoutMs: 5_000 })
  expect(images).toMatchObject([{ as: 'reused', url: image.url, sizeBytes: 508 }])
  expect(it.files.asked.filter(path => path === '/logo.png')).toHaveLength(2)
  expect(taken(it, 'media/uploadimg')).toHaveLength(1)
})

test('one that takes its leader’s place reads the source anew, and uploads what is there then', async () => {
  const it = await deploy()
  await it.startHere()
  const source = { path: await it.put('logo.png', png()) }
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
  it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 40123 })
  const leader = await it.producer.upload({ type: 'image', source })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  const follower = await it.producer.upload({ type: 'image', source })
  await waits(it, follower.id)
  const changed = Buffer.concat([png(), Buffer.from('more')])
  await it.put('logo.png', changed)
  it.simulator.release()
  await expect(it.producer.result(leader, { timeoutMs: 10_000 })).rejects.toMatchObject({ errcode: 40123 })
  expect(await it.producer.result(follower, { timeoutMs: 10_000 })).toMatchObject({
    sizeBytes: changed.length,
  })
  const sha256 = createHash('sha256').update(changed).digest('hex')
  expect(taken(it, 'media/upload')).toMatchObject([{ sha256 }])
})

test('an async upload that follows reads the file for its MD5 once', async () => {
  const it = await setUp({ ...held, callback: true })
  await it.startHere()
  const leader = await it.producer.asyncUpload(it.payload)
  await until('it is submitted', () => taken(it, 'media/upload_by_url').length === 1)
  const asked = () => it.files.asked.length
  const follower = await it.producer.asyncUpload(it.payload)
  await waits(it, follower.id)
  const before = asked()
  await lookAgain(it, 'async', follower.id)
  await waits(it, follower.id)
  expect(asked()).toBe(before)
  it.simulator.finishJobs()
  const { mediaId } = await it.producer.result(leader, { timeoutMs: 15_000 })
  expect(await it.producer.result(follower, { timeoutMs: 15_000 })).toMatchObject({ mediaId, reused: true })
  expect(taken(it, 'media/upload_by_url')).toHaveLength(1)
})

test('jobs at the same time that ask for all three days of life are one upload', async () => {
  const it = await deploy()
  await it.startHere()
  const source = { path: await it.put('logo.png', png()) }
  const payload = { type: 'image', source, minLifeMs: 72 * 3_600_000 } as const
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const leader = await it.producer.upload(payload)
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  const followers = await Promise.all([1, 2, 3].map(() => it.producer.upload(payload)))
  for (const { id } of followers) await waits(it, id)
  it.simulator.release()
  const { mediaId } = await it.producer.result(leader, { timeoutMs: 5_000 })
  for (const job of followers)
    expect(await it.producer.result(job, { timeoutMs: 5_000 })).toMatchObject({ mediaId, reused: true })
  expect(taken(it, 'media/upload')).toHaveLength(1)
  // Whoever comes later has not waited for it.
  const later = await it.producer.result(await it.producer.upload(payload), { timeoutMs: 5_000 })
  expect(later.mediaId).not.toBe(mediaId)
})

test.each([
  'alone',
  'in an article',
])('a permanent image %s whose job is cancelled during its call costs no second unit', async where => {
  const it = await deploy()
  await it.startHere()
  const source = { path: await it.put('logo.png', png()) }
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'hold', at: 'answer' })
  const job = await (where === 'alone'
    ? it.producer.uploadImage({ source })
    : it.producer.article({ html: '<img src=logo.png>' }))
  await it.simulator.waitFor({ method: 'media/uploadimg', state: 'held' })
  expect(await it.producer.cancel(job)).toBe(true)
  await expect(it.producer.result(job.id)).rejects.toMatchObject({ kind: 'cancelled' })
  it.simulator.release()
  const next = async () =>
    it.producer.result(await it.producer.uploadImage({ source }), { timeoutMs: 20_000 })
  expect(await next()).toMatchObject({ reused: true })
  expect(taken(it, 'media/uploadimg')).toHaveLength(1)
  // What the job shows has not changed.
  await expect(it.producer.result(job.id)).rejects.toMatchObject({ kind: 'cancelled' })
})
