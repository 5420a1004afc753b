/** Names that media_ids are kept alive under, over all parts: who may have one, who is refused, when it is free again. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { createAdmin } from '../../src/queues/admin.ts'
import { askAgain } from '../../src/queues/again.ts'
import { atEnd } from '../support/at-end.ts'
import { begin, hourMs, inDays, png, taken } from './keep-alive-stage.ts'

describe('a name', () => {
  test('that is taken is a conflict before anything is queued; the same upload is the same thing, for the longer time', async () => {
    const it = await begin(10)
    const first = await it.producer.upload(it.payload)
    const other = await it.put('other.png', png())
    const jobs = () => it.redis.keys(`${it.namespace}:record:*`)
    await expect(it.producer.upload({ ...it.payload, source: { path: other } })).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('"logo"'),
    })
    await expect(it.producer.upload({ ...it.payload, type: 'file' })).rejects.toMatchObject({
      kind: 'conflict',
    })
    expect(await jobs()).toHaveLength(1)
    const longer = { ...it.payload, keepAlive: { name: 'logo', until: inDays(20) } }
    const again = await it.producer.upload(longer)
    expect(again.id).not.toBe(first.id)
    expect((await it.kept())?.untilMs).toBe(Date.parse(longer.keepAlive.until))
    await it.producer.upload(it.payload)
    expect((await it.kept())?.untilMs).toBe(Date.parse(longer.keepAlive.until))
    await it.startHere()
    const results = await Promise.all(
      [first, again].map(job => it.producer.result(job, { timeoutMs: 10_000 })),
    )
    expect(new Set(results.map(({ mediaId }) => mediaId)).size).toBe(1)
    expect(await it.kept()).toMatchObject({ state: 'fresh', mediaId: results[0]?.mediaId })
    // Another app's name is another one.
    await expect(it.producer.upload({ ...it.payload, app: 'other' })).resolves.toMatchObject({ isNew: true })
  })

  test('is not kept longer by a request that is refused for its key', async () => {
    const it = await begin(10)
    await it.producer.upload(it.payload, { key: 'order-17' })
    const longer = { ...it.payload, keepAlive: { name: 'logo', until: inDays(20) } }
    await expect(it.producer.upload(longer, { key: 'order-17' })).rejects.toMatchObject({ kind: 'conflict' })
    expect((await it.kept())?.untilMs).toBe(Date.parse(it.payload.keepAlive.until))
  })

  test('is free again when its first upload has failed', async () => {
    const it = await begin()
    await it.startHere()
    const missing = { ...it.payload, source: { path: join(it.root, 'missing.png') } }
    const job = await it.producer.upload(missing)
    await expect(it.producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'not-found' })
    const { mediaId } = await it.upload()
    expect(await it.kept()).toMatchObject({ mediaId, state: 'fresh' })
  })

  test('that was let go of stays so when the same request comes again with its key', async () => {
    const it = await begin()
    await it.startHere()
    const once = { key: 'order-17' }
    await it.producer.result(await it.producer.upload(it.payload, once), { timeoutMs: 10_000 })
    await it.producer.letGo({ name: 'logo' })
    expect(await it.producer.upload(it.payload, once)).toMatchObject({ isNew: false })
    expect(await it.kept()).toMatchObject({ state: 'ended', endedBy: 'let-go' })
  })

  test('that was let go of before its job ran is not taken again by that job', async () => {
    const it = await begin()
    const job = await it.producer.upload(it.payload)
    expect(await it.producer.letGo({ name: 'logo' })).toBe(true)
    await it.startHere()
    const { mediaId } = await it.producer.result(job, { timeoutMs: 10_000 })
    expect(mediaId).toEqual(expect.any(String))
    expect(await it.kept()).toMatchObject({ state: 'ended' })
    expect(await it.kept()).not.toHaveProperty('mediaId')
  })

  test('that was let go of stays so when one of its failed renewals is run again by hand', async () => {
    const it = await begin()
    await it.startHere()
    await it.uploadAged(49 * hourMs, () => rm(it.source.path))
    await it.seen('a failure', ({ state }) => state === 'failing')
    const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
    const admin = createAdmin(it.redis, it.namespace, () => undefined)
    atEnd(() => Promise.all([queue.close(), admin.close()]))
    const [renewal] = await queue.getFailed()
    await it.producer.letGo({ name: 'logo' })
    await it.put('logo.png', it.content)
    expect(await askAgain(it.records, admin, renewal?.id ?? '')).toBe('queued')
    await it.producer.result(renewal?.id ?? '', { timeoutMs: 10_000 })
    expect(await it.kept()).toMatchObject({ state: 'ended', endedBy: 'let-go' })
  })

  test('whose renewal failed is tried ahead of the others', async () => {
    const it = await begin()
    await it.startHere()
    await it.uploadAged(49 * hourMs, () => rm(it.source.path))
    await it.seen('a failure', ({ failures }) => failures === 1)
    await it.hurry()
    await it.seen('another failure', ({ failures }) => failures === 2)
    const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
    atEnd(() => queue.close())
    const renewals = (await queue.getFailed()).toSorted((a, b) => a.timestamp - b.timestamp)
    expect(renewals.map(({ data }) => data.urgent)).toEqual([false, true])
  })

  test('of a foreign producer whose end has passed, or whose source does not stay, is invalid', async () => {
    const it = await begin()
    await it.startHere()
    const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
    atEnd(() => queue.close())
    const past = { ...it.payload.keepAlive, until: '2020-01-01T00:00:00Z' }
    await queue.add('media.upload', { ...it.payload, keepAlive: past }, { jobId: 'late' })
    const spooled = { spooled: `x/${'0'.repeat(64)}` }
    await queue.add('media.upload', { ...it.payload, source: spooled }, { jobId: 'passing' })
    const refused = (id: string) =>
      expect(it.producer.result(id, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'invalid' })
    await Promise.all([refused('upload-late'), refused('upload-passing')])
    expect(await it.kept()).toBeUndefined()
    expect(taken(it)).toHaveLength(0)
  })

  test('is had by jobs of foreign producers, too, and refused to the second one', async () => {
    const it = await begin()
    await it.startHere()
    const queue = new Queue('upload', { connection: it.redis, prefix: it.namespace })
    atEnd(() => queue.close())
    await queue.add('media.upload', it.payload, { jobId: 'first' })
    const { mediaId } = await it.seen('its media_id', kept => kept.mediaId !== undefined)
    await queue.add('media.upload', { ...it.payload, type: 'file' }, { jobId: 'second' })
    await expect(it.producer.result('upload-second', { timeoutMs: 10_000 })).rejects.toMatchObject({
      kind: 'conflict',
    })
    expect(await it.kept()).toMatchObject({ mediaId, type: 'image' })
  })

  test.each([
    ['an end in the past', { until: '2020-01-01T00:00:00Z' }, /has passed/],
    ['an end without an offset', { until: '2099-01-01T00:00:00' }, /2027-01-31T18:00:00\+08:00/],
    ['no end', { until: undefined }, /until/],
    ['a name that is no name', { name: 'a/b' }, /letters, digits/],
    ['an empty name', { name: '' }, /letters, digits/],
    ['a name that is too long', { name: 'a'.repeat(65) }, /letters, digits/],
    ['something else', { forever: true }, /forever/],
  ])('with %s is invalid, and nothing is queued', async (_what, changes, message) => {
    const it = await begin()
    const keepAlive = { ...it.payload.keepAlive, ...changes } as typeof it.payload.keepAlive
    await expect(it.producer.upload({ ...it.payload, keepAlive })).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(message),
    })
    expect(await it.redis.keys(`${it.namespace}:record:*`)).toEqual([])
  })

  test('is for uploads only: an async upload and a permanent image say why not', async () => {
    const it = await begin()
    const { keepAlive, source } = it.payload
    const url = 'https://media.example.com/a.bin'
    const refused = expect.objectContaining({
      kind: 'invalid',
      message: expect.stringMatching(/keepAlive is for media\.upload only: .+/),
    })
    await expect(
      it.producer.asyncUpload({ type: 'file', url, name: 'a', keepAlive } as never),
    ).rejects.toEqual(refused)
    await expect(it.producer.uploadImage({ source, keepAlive } as never)).rejects.toEqual(refused)
    await expect(it.producer.article({ html: '<p>', keepAlive } as never)).rejects.toEqual(refused)
  })
})
