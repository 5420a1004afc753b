/** Nothing uploaded twice: the ledger over all parts. */

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { account, type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { setUp } from './async-stage.ts'

const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)])
const uploads = ({ simulator }: Pick<Deployment, 'simulator'>) => simulator.log({ method: 'media/upload' })

describe('bytes that were uploaded', () => {
  test('are not uploaded again for the same company, type and name', async () => {
    const it = await deploy()
    await it.startHere()
    const content = randomBytes(2_000)
    const [a, b] = [await it.put('a.bin', content), await it.put('b.bin', content)]
    const upload = async (payload: Parameters<typeof it.producer.upload>[0]) =>
      it.producer.result(await it.producer.upload(payload), { timeoutMs: 10_000 })
    const first = await upload({ type: 'file', source: { path: a } })
    expect(first).not.toHaveProperty('reused')
    expect(await upload({ type: 'file', source: { path: a } })).toEqual({ ...first, reused: true })
    // Users see the name of a file.
    expect((await upload({ type: 'file', source: { path: b } })).mediaId).not.toBe(first.mediaId)
    expect(await upload({ type: 'file', source: { path: b }, name: 'a.bin' })).toMatchObject({
      mediaId: first.mediaId,
    })
    expect(uploads(it)).toHaveLength(2)
    expect((await upload({ type: 'file', source: { path: a }, reuse: 'never' })).mediaId).not.toBe(
      first.mediaId,
    )
    expect(uploads(it)).toHaveLength(3)
  })

  test('are uploaded again when the media_id has too little life left for what it is needed for', async () => {
    const it = await deploy()
    await it.startHere()
    const source = { path: await it.put('a.png', png()) }
    const upload = async (minLifeMs: number) =>
      it.producer.result(await it.producer.upload({ type: 'image', source, minLifeMs }), {
        timeoutMs: 10_000,
      })
    const hourMs = 3_600_000
    const first = await upload(hourMs)
    expect((await upload(71 * hourMs)).mediaId).toBe(first.mediaId)
    // The platform tells whole seconds: a moment of the three days has passed.
    expect((await upload(72 * hourMs)).mediaId).not.toBe(first.mediaId)
    await expect(
      it.producer.upload({ type: 'image', source, minLifeMs: 72 * hourMs + 1 }),
    ).rejects.toMatchObject({
      kind: 'invalid',
    })
  })

  test('are another matter for another company, and for another use', async () => {
    const it = await deploy()
    const other = { corpId: 'ww_other', secret: 'other-secret-of-no-value' }
    it.simulator.addApp(other)
    await it.startHere({ apps: { default: account, other } })
    const source = { path: await it.put('a.png', png()) }
    const ids = new Set<string>()
    for (const payload of [{}, { app: 'other' }, { attachment: 'moments' as const }]) {
      const job = await it.producer.upload({ type: 'image', source, ...payload })
      ids.add((await it.producer.result(job, { timeoutMs: 10_000 })).mediaId)
    }
    expect(ids.size).toBe(3)
  })

  test('are forgotten when the platform no longer knows their media_id', async () => {
    const it = await deploy()
    await it.startHere()
    const source = { path: await it.put('a.png', png()) }
    const upload = async () =>
      it.producer.result(await it.producer.upload({ type: 'image', source }), { timeoutMs: 10_000 })
    const { mediaId } = await upload()
    // Somebody sent it and was told 40007.
    expect(await it.producer.forget({ corpId: account.corpId, mediaId })).toBe(true)
    const second = await upload()
    expect(second.mediaId).not.toBe(mediaId)
    // A download that is told 40007 forgets by itself.
    it.simulator.faults.add({ method: 'media/get', do: 'errcode', errcode: 40007 })
    const download = await it.producer.download({ mediaId: second.mediaId })
    await expect(it.producer.result(download)).rejects.toMatchObject({ kind: 'gone' })
    expect((await upload()).mediaId).not.toBe(second.mediaId)
  })

  test('cost no second unit as a permanent image, alone or in an article', async () => {
    const it = await deploy()
    await it.startHere()
    const content = png()
    const source = { path: await it.put('a.png', content) }
    const image = async () =>
      it.producer.result(await it.producer.uploadImage({ source }), { timeoutMs: 10_000 })
    const { url } = await image()
    expect(await image()).toMatchObject({ url, reused: true })
    const inline = png()
    const html = `<img src=a.png><img src="data:image/png;base64,${inline.toString('base64')}">`
    const article = await it.producer.result(await it.producer.article({ html }), { timeoutMs: 10_000 })
    expect(article.images).toMatchObject([{ as: 'reused', url }, { as: 'uploaded' }])
    const path = await it.put('inline.png', inline)
    const again = await it.producer.result(await it.producer.uploadImage({ source: { path } }), {
      timeoutMs: 10_000,
    })
    expect(again).toMatchObject({ url: article.images[1]?.url, reused: true })
    expect(it.simulator.count({ method: 'media/uploadimg' })).toBe(2)
  })

  test('of an async upload serve async uploads only', async () => {
    const it = await setUp({ callback: true })
    await it.startHere()
    const submit = async (name = '大文件.bin') =>
      it.producer.result(await it.producer.asyncUpload({ ...it.payload, name }), { timeoutMs: 15_000 })
    const first = await submit()
    expect(await submit()).toEqual({ ...first, reused: true })
    expect((await submit('other.bin')).mediaId).not.toBe(first.mediaId)
    const path = await it.put('大文件.bin', it.content)
    const sync = await it.producer.result(await it.producer.upload({ type: 'file', source: { path } }))
    expect(sync.mediaId).not.toBe(first.mediaId)
    expect(it.simulator.count({ method: 'media/upload_by_url' })).toBe(2)
  })

  test('are uploaded again after Redis has lost its memory: nothing else is lost', async () => {
    const it = await deploy()
    await it.startHere()
    const source = { path: await it.put('a.png', png()) }
    const upload = async () =>
      it.producer.result(await it.producer.upload({ type: 'image', source }), { timeoutMs: 10_000 })
    const first = await upload()
    for (const key of await it.redis.keys(`${it.namespace}:ledger:*`)) await it.redis.del(key)
    const second = await upload()
    expect(second.mediaId).not.toBe(first.mediaId)
    expect(second).not.toHaveProperty('reused')
  })
})

describe('the same bytes at the same time', () => {
  test('1,000 jobs over 4 worker processes are one upload, also when the leader is killed', async () => {
    const it = await deploy()
    const path = await it.put('a.png', png())
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request', afterBytes: 100 })
    const workers = await Promise.all(Array.from({ length: 4 }, () => it.startWorker()))
    const jobs = await Promise.all(
      Array.from({ length: 1_000 }, () => it.producer.upload({ type: 'image', source: { path } })),
    )
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    // Whoever holds the lock of the running job is the leader: kill its process.
    const leaders = await it.redis.keys(`${it.namespace}:upload:*:lock`)
    expect(leaders.length).toBeGreaterThan(0)
    const [leader] = workers
    leader?.signal('SIGKILL')
    await leader?.ended
    it.simulator.release()
    const results = await Promise.all(jobs.map(job => it.producer.result(job, { timeoutMs: 60_000 })))
    const ids = new Set(results.map(({ mediaId }) => mediaId))
    expect(ids.size).toBe(1)
    const accepted = uploads(it).filter(({ errcode }) => errcode === 0)
    // One more if the process that was killed was the leader's: its call may have reached the platform.
    expect(accepted.length).toBeLessThanOrEqual(2)
    expect(accepted.map(({ mediaId }) => mediaId)).toContain([...ids][0])
    expect(results.filter(({ reused }) => !reused)).toHaveLength(1)
  }, 90_000)

  test('a follower takes the place of a leader that failed', async () => {
    const it = await deploy()
    await it.startHere()
    const path = await it.put('a.png', png())
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'request' })
    it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 40123 })
    const leader = await it.producer.upload({ type: 'image', source: { path } })
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    const follower = await it.producer.upload({ type: 'image', source: { path } })
    await until(
      'it follows',
      async () => (await it.producer.read(follower.id))?.waiting?.why.kind === 'pending',
    )
    it.simulator.release()
    await expect(it.producer.result(leader, { timeoutMs: 10_000 })).rejects.toMatchObject({ errcode: 40123 })
    const { reused } = await it.producer.result(follower, { timeoutMs: 10_000 })
    expect(reused).toBeUndefined()
  })

  test('a follower is woken by the result of its leader', async () => {
    const it = await deploy()
    await it.startHere()
    const source = { path: await it.put('a.png', png()) }
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const leader = await it.producer.upload({ type: 'image', source })
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    const follower = await it.producer.upload({ type: 'image', source })
    const waiting = await until('it follows', async () => (await it.producer.read(follower.id))?.waiting)
    expect(waiting.why.kind).toBe('pending')
    it.simulator.release()
    const { mediaId } = await it.producer.result(leader, { timeoutMs: 5_000 })
    expect(await it.producer.result(follower, { timeoutMs: 5_000 })).toMatchObject({ mediaId, reused: true })
    expect((await it.producer.read(follower.id))?.endedAtMs).toBeLessThan(waiting.untilMs)
  })

  test('the file that a follower shows is the leader’s, byte for byte', async () => {
    const it = await deploy()
    await it.startHere()
    const path = await it.put('a.png', png())
    const jobs = await Promise.all(
      [1, 2, 3].map(() => it.producer.upload({ type: 'image', source: { path } })),
    )
    const results = await Promise.all(jobs.map(job => it.producer.result(job, { timeoutMs: 30_000 })))
    expect(new Set(results.map(({ mediaId }) => mediaId)).size).toBe(1)
    const { mediaId = '' } = results[0] ?? {}
    const back = await it.producer.result(await it.producer.download({ mediaId }))
    expect((await readFile(back.path)).equals(await readFile(join(path)))).toBe(true)
    expect(uploads(it)).toHaveLength(1)
  })
})
