/** Keeping a media_id alive over all parts: what the platform sees, what a name shows, what programs hear. */

import { rm } from 'node:fs/promises'
import { Queue } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { keptChannel, keptId } from '../../src/ledger/index.ts'
import { atEnd } from '../support/at-end.ts'
import { account } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { begin, dayMs, hourMs, png, taken } from './keep-alive-stage.ts'

describe('a media_id that is kept alive', () => {
  test('is renewed before it dies, and everybody gets the new one', async () => {
    const it = await begin()
    await it.startHere()
    const first = await it.uploadAged(50 * hourMs)
    const renewed = await it.seen('a renewal', ({ renewals }) => renewals === 1)
    expect(renewed).toMatchObject({ state: 'fresh', type: 'image', source: it.source.path })
    expect(renewed.mediaId).not.toBe(first.mediaId)
    expect(renewed.expiresAtMs).toBeGreaterThan(first.expiresAtMs + 40 * hourMs)
    const again = await it.producer.result(await it.producer.upload({ type: 'image', source: it.source }))
    expect(again).toMatchObject({ mediaId: renewed.mediaId, reused: true })
    expect(taken(it)).toHaveLength(2)
  })

  test('that is fresh is left alone, and shown with its source and its ends', async () => {
    const it = await begin()
    await it.startHere()
    const { mediaId, expiresAtMs } = await it.upload()
    const found = await it.seen('a look', ({ renewalDueAtMs }) => renewalDueAtMs !== undefined)
    expect(found).toMatchObject({
      ...{ app: 'default', name: 'logo', state: 'fresh', mediaId, expiresAtMs, renewals: 0 },
      ...{ untilMs: Date.parse(it.payload.keepAlive.until), renewalDueAtMs: expiresAtMs - dayMs },
    })
    expect(await it.producer.keptNames()).toEqual([{ ...found, leftMs: expect.any(Number) }])
    expect(await it.producer.kept({ name: 'other' })).toBeUndefined()
    expect(await it.producer.kept({ app: 'other', name: 'logo' })).toBeUndefined()
    expect(taken(it)).toHaveLength(1)
  })

  test('of which the source is gone stays readable, fails a day before its end, and is renewed when the source is back', async () => {
    const it = await begin()
    await it.startHere()
    const heard: unknown[] = []
    const listener = it.redis.duplicate()
    atEnd(() => listener.disconnect())
    listener.on('message', (_channel, message) => heard.push(JSON.parse(message)))
    await listener.subscribe(keptChannel(it.namespace))
    const { mediaId, expiresAtMs } = await it.uploadAged(49 * hourMs, () => rm(it.source.path))
    const failing = await it.seen('a failure', ({ state }) => state === 'failing')
    expect(failing).toMatchObject({ mediaId, expiresAtMs, failures: 1, fault: { kind: 'not-found' } })
    expect(failing.leftMs).toBeGreaterThan(12 * hourMs)
    await it.put('logo.png', it.content)
    await it.hurry()
    const { mediaId: next, ...mended } = await it.seen('a renewal', ({ state }) => state === 'fresh')
    expect(mended).not.toHaveProperty('fault')
    expect(next).not.toBe(mediaId)
    await until('all events', () => heard.length === 3)
    expect(heard).toMatchObject([
      { event: 'kept', app: 'default', name: 'logo', mediaId },
      { event: 'failed', mediaId, expiresAtMs, fault: { kind: 'not-found' } },
      { event: 'renewed', mediaId: next },
    ])
  })

  test('is refused a renewal with other bytes: the old ones are what was asked for', async () => {
    const it = await begin()
    await it.startHere()
    const changed = png()
    const { mediaId } = await it.uploadAged(49 * hourMs, () => it.put('logo.png', changed))
    const failing = await it.seen('a failure', ({ state }) => state === 'failing')
    expect(failing).toMatchObject({ mediaId, fault: { kind: 'conflict' } })
    await expect(it.upload()).rejects.toMatchObject({ kind: 'conflict' })
    // Let go of, the name takes the new ones.
    expect(await it.producer.letGo({ name: 'logo' })).toBe(true)
    expect((await it.upload()).mediaId).not.toBe(mediaId)
    await it.seen('the new one', kept => kept.state === 'fresh' && kept.mediaId !== mediaId)
  })

  test('is renewed at once when the platform has forgotten it', async () => {
    const it = await begin()
    await it.startHere()
    const { mediaId } = await it.upload()
    await it.seen('a look', ({ renewalDueAtMs }) => renewalDueAtMs !== undefined)
    expect(await it.producer.forget({ corpId: account.corpId, mediaId })).toBe(true)
    const second = await it.seen('a renewal', kept => kept.renewals === 1)
    // A download that is told 40007 forgets by itself.
    it.simulator.faults.add({ method: 'media/get', do: 'errcode', errcode: 40007 })
    const download = await it.producer.download({ mediaId: second.mediaId ?? '' })
    await expect(it.producer.result(download)).rejects.toMatchObject({ kind: 'gone' })
    const third = await it.seen('another renewal', kept => kept.renewals === 2)
    expect(new Set([mediaId, second.mediaId, third.mediaId]).size).toBe(3)
    expect(third.state).toBe('fresh')
  })

  test('that dies is shown as dead, tried on, and lives again when the platform takes it', async () => {
    const it = await begin()
    await it.startHere()
    const { expiresAtMs } = await it.uploadAged(80 * hourMs, () => rm(it.source.path))
    const dead = await it.seen('its death', ({ state, fault }) => state === 'dead' && fault !== undefined)
    expect(dead).toMatchObject({ expiresAtMs, leftMs: 0, fault: { kind: 'not-found' } })
    await it.put('logo.png', it.content)
    await it.hurry()
    await it.seen('a renewal', ({ state }) => state === 'fresh')
  })

  test('of which the upload means nothing to this version fails visibly', async () => {
    const it = await begin()
    await it.startHere()
    await it.uploadAged(49 * hourMs, async () => {
      const key = `${it.namespace}:kept:${keptId('default', 'logo')}`
      const payload = JSON.parse((await it.redis.hget(key, 'payload')) ?? '{}')
      await it.redis.hset(key, 'payload', JSON.stringify({ ...payload, colour: 'red' }))
    })
    const failing = await it.seen('a failure', ({ state }) => state === 'failing')
    expect(failing).toMatchObject({ fault: { kind: 'invalid', message: expect.stringContaining('colour') } })
    expect(taken(it)).toHaveLength(1)
  })

  test('of an app that is no longer configured fails visibly, and stays readable', async () => {
    const it = await begin()
    const { apps } = it.config
    const here = await it.startHere()
    const { mediaId } = await it.uploadAged(49 * hourMs, () => here.stop())
    const { default: ours, ...rest } = apps
    const other = await it.startHere({ apps: { ...rest, other: ours } as typeof apps })
    const failing = await it.seen('a failure', ({ state }) => state === 'failing')
    expect(failing).toMatchObject({
      mediaId,
      fault: { kind: 'config', message: expect.stringContaining('default') },
    })
    await other.stop()
    await it.startHere()
    await it.hurry()
    await it.seen('a renewal', ({ state }) => state === 'fresh')
  })

  test('has its webhook told of each renewal, too', async () => {
    const it = await begin()
    await it.startHere()
    const webhook = 'https://hooks.example.com/media'
    const job = await it.producer.upload({ ...it.payload, webhook })
    const { mediaId } = await it.producer.result(job, { timeoutMs: 10_000 })
    await it.producer.forget({ corpId: account.corpId, mediaId })
    const { job: renewal = '' } = await it.seen('a renewal', ({ renewals }) => renewals === 1)
    expect(renewal).not.toBe(job.id)
    expect(await it.producer.read(renewal)).toMatchObject({ state: 'done', webhook })
  })

  test('that can’t be renewed is seen in the metrics of every worker, with the time that is left', async () => {
    // With a token the workers listen.
    const it = await begin(30, { tokens: [{ name: 'a', sha256: 'a'.repeat(64), apps: ['*'] }] })
    const workers = await Promise.all([it.startHere(), it.startHere()])
    await it.uploadAged(50 * hourMs, () => rm(it.source.path))
    await it.seen('a failure', ({ state }) => state === 'failing')
    const failed: number[] = []
    for (const { url } of workers) {
      const text = await (await fetch(`${url}/metrics`)).text()
      const shown = (name: string) =>
        Number(new RegExp(`^wecom_media_keep_alive_${name} (.*)$`, 'm').exec(text)?.[1])
      expect([shown('media{state="failing"}'), shown('media{state="fresh"}')]).toEqual([1, 0])
      expect(shown('soonest_end_seconds')).toBeGreaterThan(21 * 3_600)
      expect(shown('soonest_end_seconds')).toBeLessThanOrEqual(22 * 3_600)
      failed.push(shown('renewals_total{outcome="failed"}'))
    }
    // Gauges are those of Redis, counters those of the worker that saw it.
    expect(failed.toSorted()).toEqual([0, 1])
  })

  test('is one renewal for a fleet, and one scheduler', async () => {
    const it = await begin()
    await Promise.all([it.startHere(), it.startHere(), it.startHere()])
    await it.uploadAged(49 * hourMs)
    await it.seen('a renewal', ({ renewals }) => renewals === 1)
    const queue = new Queue('keep-alive', { connection: it.redis, prefix: it.namespace })
    atEnd(() => queue.close())
    expect(await queue.getJobSchedulers()).toMatchObject([{ key: 'keep-alive', every: 200 }])
    const beats = (await queue.getJobScheduler('keep-alive'))?.iterationCount ?? 0
    await until('more beats', async () => {
      const found = await queue.getJobScheduler('keep-alive')
      return (found?.iterationCount ?? 0) > beats + 2
    })
    expect(taken(it)).toHaveLength(2)
  })

  test('is not renewed any more once it was let go of, and neither when its time is over', async () => {
    const it = await begin()
    await it.startHere()
    const { mediaId } = await it.upload()
    expect(await it.producer.letGo({ name: 'logo' })).toBe(true)
    expect(await it.producer.letGo({ name: 'logo' })).toBe(false)
    expect(await it.kept()).toMatchObject({ state: 'ended', endedBy: 'let-go', mediaId, renewals: 0 })
    expect(await it.producer.letGo({ name: 'nobody' })).toBe(false)
    const soon = {
      ...it.payload,
      keepAlive: { name: 'soon', until: new Date(Date.now() + 1_500).toISOString() },
    }
    await it.producer.result(await it.producer.upload(soon), { timeoutMs: 10_000 })
    const over = await until('its end', async () => {
      const found = await it.producer.kept({ name: 'soon' })
      return found?.state === 'ended' ? found : undefined
    })
    expect(over).toMatchObject({ endedBy: 'until', mediaId })
    expect(over).not.toHaveProperty('renewalDueAtMs')
  })

  test('is lost with the memory of Redis, and so is its scheduler; asked for again both are there', async () => {
    const it = await begin()
    await it.startHere()
    await it.upload()
    // All but what was spent of limits, without which nothing is sent for a minute.
    const keys = await it.redis.keys(`${it.namespace}:*`)
    await it.redis.del(...keys.filter(key => !key.includes(':limit:')))
    expect(await it.kept()).toBeUndefined()
    // Whoever starts next sees that nothing beats.
    await it.startHere()
    await it.uploadAged(49 * hourMs)
    await it.seen('a renewal', ({ renewals }) => renewals === 1)
  })
})
