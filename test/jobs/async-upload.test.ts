/** The asynchronous way over all of its parts: submit, callback or look, result. Ids: notes/reliability.md §6. */

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Input } from '../../src/index.ts'
import { createAdmin } from '../../src/queues/admin.ts'
import { account, bytesOf } from '../support/deployment.ts'
import { head, send, startOrigin } from '../support/origin.ts'
import { until } from '../support/until.ts'
import { finished, held, kept, m5, m6, setUp, skipPause, submissions } from './async-stage.ts'

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')

describe('an async upload', () => {
  test('is woken by its callback: one submission, one look, and the media_id of the same bytes', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, content, startHere } = deployment
    await startHere()
    const job = await producer.asyncUpload(payload)
    await kept(deployment, job.id)
    const nextLookMs = (await producer.read(job.id))?.waiting?.untilMs ?? 0
    await simulator.finishJobs()
    const result = await producer.result(job, { timeoutMs: 10_000 })
    expect((await producer.read(job.id))?.endedAtMs).toBeLessThan(nextLookMs)
    expect(result).toMatchObject({
      type: 'file',
      name: '大文件.bin',
      sizeBytes: content.length,
      md5: md5(content),
      via: 'async',
      usableFor: ['media/get', 'group-welcome'],
    })
    expect(result.expiresAtMs - result.createdAtMs).toBe(3 * 24 * 3_600_000)
    expect([submissions(deployment), simulator.count({ method: m6 })]).toEqual([1, 1])
    const back = await producer.result(await producer.download({ mediaId: result.mediaId }))
    expect((await bytesOf(back)).equals(content)).toBe(true)
    expect(await producer.read(job.id)).toMatchObject({ state: 'done', units: 1, unknowns: 0, duplicates: 0 })
  })

  test('K05 is found by looking when its callback never comes', async () => {
    const deployment = await setUp({ callback: true })
    const { simulator, producer, payload, startHere } = deployment
    simulator.callbackFaults.add({ event: finished, do: 'drop' })
    await startHere()
    const { mediaId } = await producer.result(await producer.asyncUpload(payload), { timeoutMs: 15_000 })
    expect(mediaId).toMatch(/^3\*1\*/)
    expect(submissions(deployment)).toBe(1)
    expect(simulator.deliveries({ event: finished })).toMatchObject([{ outcome: 'dropped' }])
  })

  test('K05 needs no second callback when it came before the jobid was here', async () => {
    const deployment = await setUp({ callback: true })
    const { simulator, producer, payload, startHere } = deployment
    simulator.faults.add({ method: m5, do: 'hold', at: 'answer' })
    await startHere()
    const job = await producer.asyncUpload(payload)
    await simulator.waitForDelivery({ event: finished, outcome: 'received' })
    simulator.release()
    await producer.result(job, { timeoutMs: 10_000 })
    expect(simulator.count({ method: m6 })).toBe(1)
    // It never waited at all.
    expect(await producer.read(job.id)).toMatchObject({ fence: 1 })
  })

  test('K05 is settled once by callbacks that come three times, late, and for jobs that nobody knows', async () => {
    const deployment = await setUp({ callback: true })
    const { simulator, producer, payload, startHere } = deployment
    simulator.callbackFaults.add({ event: finished, do: 'duplicate', copies: 2 })
    simulator.callbackFaults.add({ event: finished, do: 're-sign', copies: 2 })
    await startHere()
    const job = await producer.asyncUpload(payload)
    const { mediaId } = await producer.result(job, { timeoutMs: 15_000 })
    await simulator.waitForDelivery({ event: finished, outcome: 'received' }, { count: 5 })
    expect(await producer.read(job.id)).toMatchObject({ state: 'done', duplicates: 0, result: { mediaId } })
    expect(
      simulator.deliveries().every(({ attempts }) => attempts.every(({ status }) => status === 200)),
    ).toBe(true)
  })

  test('asks soon again when the callback comes before the platform shows the end', async () => {
    const deployment = await setUp({
      callback: true,
      switches: { callbackBeforeResult: true, asyncDelayMs: 1_500 },
    })
    const { producer, payload, startHere } = deployment
    await startHere()
    await producer.result(await producer.asyncUpload(payload), { timeoutMs: 15_000 })
    expect(submissions(deployment)).toBe(1)
  })

  test('looks again at once when its callback came while it was looking', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, startHere } = deployment
    simulator.faults.add({ method: m6, do: 'hold', at: 'answer' })
    await startHere()
    const job = await producer.asyncUpload(payload)
    await simulator.waitFor({ method: m6, state: 'held' })
    await simulator.finishJobs()
    await simulator.waitForDelivery({ event: finished, outcome: 'received' })
    const releasedMs = performance.now()
    simulator.release()
    await producer.result(job, { timeoutMs: 10_000 })
    // The next look would come after 2 s.
    expect(performance.now() - releasedMs).toBeLessThan(1_900)
    expect(simulator.count({ method: m6 })).toBe(2)
  })

  test('looks ever more seldom, sooner after a callback, and once more before its deadline', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { producer, payload, startHere, redis, namespace, records } = deployment
    const admin = createAdmin(redis, namespace, () => undefined)
    await startHere()
    const job = await producer.asyncUpload({ ...payload, deadlineMs: 120_000 })
    await kept(deployment, job.id)
    const key = `${namespace}:record:${job.id}`
    const step = JSON.parse((await redis.hget(key, 'step:submitted:1')) ?? '') as {
      atMs: number
      value: { jobId: string }
    }
    const long = { ...step, atMs: step.atMs - 90_000 }
    await redis.hset(key, 'step:submitted:1', JSON.stringify(long))
    const nextWaitMs = async () => {
      const fence = (await producer.read(job.id))?.fence ?? 0
      await until('it can be woken', () => admin.wake('async', job.id))
      const record = await until('it has looked', async () => {
        const record = await producer.read(job.id)
        return record?.state === 'waiting' && record.fence > fence ? record : undefined
      })
      return { ms: (record.waiting?.untilMs ?? 0) - Date.now(), record }
    }
    expect((await nextWaitMs()).ms).toBeGreaterThan(20_000)
    await records.heard(`${account.corpId} ${step.value.jobId}`)
    expect((await nextWaitMs()).ms).toBeLessThan(10_000)
    await redis.hset(key, 'heardAtMs', '0', 'deadlineAtMs', String(Date.now() + 15_000))
    const { record } = await nextWaitMs()
    expect(record.waiting?.untilMs).toBeLessThan(record.deadlineAtMs)
    expect(record.waiting?.untilMs).toBeGreaterThan(record.deadlineAtMs - 5_000)
    await admin.close()
  })

  test('ends with its deadline while the platform is still fetching', async () => {
    const { producer, payload, startHere } = await setUp(held)
    await startHere()
    const job = await producer.asyncUpload({ ...payload, deadlineMs: 3_000 })
    await expect(producer.result(job, { timeoutMs: 15_000 })).rejects.toMatchObject({ kind: 'expired' })
  })

  test('is submitted anew when the platform no longer knows the jobid', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, startHere } = deployment
    await startHere()
    const job = await producer.asyncUpload(payload)
    await kept(deployment, job.id)
    simulator.advance(61 * 60_000)
    await until('it is submitted again', async () => submissions(deployment) === 2, { withinMs: 15_000 })
    await until('the second jobid is kept', async () => (await producer.read(job.id))?.steps['submitted:2'])
    await simulator.finishJobs()
    await producer.result(job, { timeoutMs: 15_000 })
    expect((await producer.read(job.id))?.steps).toMatchObject({
      'ended:1': { value: { kind: 'gone', errcode: 40088 } },
    })
  })
})

describe('what the platform says about the file', () => {
  test('is the end of the job where another submission would not help, with its meaning', async () => {
    const { producer, payload, startHere } = await setUp()
    await startHere()
    const wrong = await producer.asyncUpload({ ...payload, md5: '0'.repeat(32) })
    await expect(producer.result(wrong, { timeoutMs: 15_000 })).rejects.toMatchObject({
      kind: 'rejected',
      errcode: 301019,
    })
    const video = await producer.asyncUpload({ ...payload, type: 'video', name: 'a.mp4' })
    await expect(producer.result(video, { timeoutMs: 15_000 })).rejects.toMatchObject({ kind: 'wrong-type' })
  })

  test('leads to another submission when the file is another one than when we read it', async () => {
    const deployment = await setUp()
    const { producer, payload, startHere, files, content } = deployment
    const changed = Buffer.from(content).fill(7)
    // Our two looks see the one, the platform and everybody after it the other.
    files.put('/大文件.bin', nth => (nth <= 2 ? content : changed))
    await startHere()
    const job = await producer.asyncUpload(payload)
    await skipPause(deployment, job.id, 1)
    expect(await producer.result(job, { timeoutMs: 15_000 })).toMatchObject({ md5: md5(changed) })
    expect(submissions(deployment)).toBe(2)
  })

  test('leads to another submission when it could not fetch the file, after a pause, three in all', async () => {
    const deployment = await setUp({ callback: true })
    const { simulator, producer, payload, startHere, files, content } = deployment
    // Each time it is there when we look, and gone when the platform does.
    files.put('/大文件.bin', nth => (nth % 2 === 1 ? content : undefined))
    // A callback that comes again must not cut the pause short.
    simulator.callbackFaults.add({ event: finished, do: 're-sign', copies: 2, times: 'always' })
    await startHere()
    const job = await producer.asyncUpload({ ...payload, md5: md5(content) })
    await simulator.waitForDelivery({ event: finished, outcome: 'received' }, { count: 3 })
    const waiting = await until('it pauses', async () => (await producer.read(job.id))?.waiting)
    expect(waiting.untilMs - Date.now()).toBeGreaterThan(5_000)
    expect(submissions(deployment)).toBe(1)
    for (const number of [1, 2]) await skipPause(deployment, job.id, number)
    await expect(producer.result(job, { timeoutMs: 15_000 })).rejects.toMatchObject({ errcode: 830003 })
    expect(submissions(deployment)).toBe(3)
  }, 60_000)

  test('is not asked any more once it has said no for good, whoever goes on after a crash', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { producer, payload, startHere, redis, namespace, records, content } = deployment
    await startHere()
    const job = await producer.asyncUpload({ ...payload, md5: md5(content) })
    await kept(deployment, job.id)
    // What a worker leaves that dies between the end of a submission and the end of the job.
    const fence = (await producer.read(job.id))?.fence ?? 0
    await records.keep({ id: job.id, fence }, 'ended:1', { kind: 'rejected', message: 'no', errcode: 301019 })
    const admin = createAdmin(redis, namespace, () => undefined)
    await admin.wake('async', job.id)
    await expect(producer.result(job, { timeoutMs: 15_000 })).rejects.toMatchObject({ errcode: 301019 })
    expect(submissions(deployment)).toBe(1)
    await admin.close()
  })
})

describe('a platform that cannot be asked for a while', () => {
  test('costs no attempt of a job that is only waiting', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, startHere, redis, namespace } = deployment
    simulator.faults.add({ method: m6, times: 9, do: 'cut-response' })
    simulator.faults.add({ method: m6, nth: 10, times: 4, do: 'errcode', errcode: -1 })
    await startHere()
    const job = await producer.asyncUpload(payload)
    await kept(deployment, job.id)
    const admin = createAdmin(redis, namespace, () => undefined)
    // Each look tries three times.
    for (let looks = 1; looks <= 7; looks += 1) {
      const asked = simulator.count({ method: m6 })
      await until('it can be woken', () => admin.wake('async', job.id))
      await until('it has asked', () => simulator.count({ method: m6 }) > asked)
      await until('it waits', async () => (await producer.read(job.id))?.state === 'waiting')
    }
    await simulator.finishJobs()
    await producer.result(job, { timeoutMs: 15_000 })
    expect(submissions(deployment)).toBe(1)
    await admin.close()
  }, 40_000)
})

describe('what would fail at the platform fails before anything is submitted', () => {
  test('a server that knows no Range, a missing file, too large a file, an address that is not allowed', async () => {
    const { producer, payload, startHere, simulator } = await setUp({}, { ranges: false })
    await startHere()
    const end = async (changes: Partial<Input<'media.async-upload'>>) =>
      producer.result(await producer.asyncUpload({ ...payload, ...changes }), { timeoutMs: 15_000 })
    await expect(end({})).rejects.toMatchObject({ kind: 'rejected' })
    await expect(end({ url: `${payload.url}x` })).rejects.toMatchObject({ kind: 'not-found' })
    await expect(end({ url: 'http://10.0.0.1/a.bin' })).rejects.toMatchObject({ kind: 'forbidden-address' })
    expect(simulator.count({ method: m5 })).toBe(0)
  })

  test('a file over 200 MB', async () => {
    const origin = await startOrigin((_ask, socket) =>
      send(
        socket,
        head('206 Partial Content', 'Content-Range: bytes 0-0/209715201', 'Content-Length: 1'),
        'x',
      ),
    )
    const { producer, payload, startHere, simulator } = await setUp({
      env: { WECOM_MEDIA_URL_PORTS: String(origin.port) },
    })
    await startHere()
    const job = await producer.asyncUpload({ ...payload, url: `http://127.0.0.1:${origin.port}/big.bin` })
    await expect(producer.result(job, { timeoutMs: 15_000 })).rejects.toMatchObject({ kind: 'too-big' })
    expect(simulator.count({ method: m5 })).toBe(0)
  })

  test('a payload that the platform would refuse is not even queued', async () => {
    const { producer, payload } = await setUp()
    const invalid = (changes: object) =>
      expect(producer.asyncUpload({ ...payload, ...changes })).rejects.toMatchObject({ kind: 'invalid' })
    await invalid({ type: 'image' })
    await invalid({ url: `http://127.0.0.1/${'x'.repeat(1024)}` })
    // 43 characters of 3 bytes.
    await invalid({ name: '文'.repeat(43) })
    await invalid({ md5: 'xyz' })
    await invalid({ url: 'ftp://127.0.0.1/a.bin' })
  })
})
