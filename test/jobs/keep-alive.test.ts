/** Keeping a media_id alive over all parts: what the platform sees, what a name shows, what programs hear. */

import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { KeptMedia } from '../../src/index.ts'
import { keptChannel, keptId } from '../../src/ledger/index.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)])
const inDays = (days: number): string => new Date(Date.now() + days * dayMs).toISOString()

/** Looks are frequent, so that a renewal that is due begins at once. */
const env = { WECOM_MEDIA_RENEW_LOOK_MS: '200' }

const begin = async (days = 30) => {
  const it = await deploy({ env })
  const source = { path: await it.put('logo.png', png()) }
  const payload = { type: 'image', source, keepAlive: { name: 'logo', until: inDays(days) } } as const
  const kept = () => it.producer.kept({ name: 'logo' })
  return {
    ...it,
    ...{ source, payload, kept },
    upload: async () => it.producer.result(await it.producer.upload(payload), { timeoutMs: 10_000 }),
    /** Its media_id has come at the platform so long ago. */
    async uploadAged(ms: number) {
      it.simulator.clock.set(Date.now() - ms)
      it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
      const job = await it.producer.upload(payload)
      await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
      it.simulator.clock.set(Date.now())
      it.simulator.release()
      return it.producer.result(job, { timeoutMs: 10_000 })
    },
    /** The next try need not wait for its time. */
    async hurry() {
      const key = `${it.namespace}:kept`
      await it.redis.hdel(`${key}:${keptId('default', 'logo')}`, 'triedAtMs')
      await it.redis.zadd(key, 0, keptId('default', 'logo'))
    },
    seen: (what: string, look: (kept: KeptMedia) => boolean): Promise<KeptMedia> =>
      until(
        what,
        async () => {
          const found = await kept()
          return found && look(found) ? found : undefined
        },
        { withinMs: 10_000 },
      ),
  }
}

/** Calls that the platform answered with a media_id. */
const taken = ({ simulator }: Pick<Deployment, 'simulator'>) =>
  simulator.log({ method: 'media/upload' }).filter(({ errcode }) => errcode === 0)

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
    const content = await readFile(it.source.path)
    await it.put('logo.png', content)
    const job = it.uploadAged(49 * hourMs)
    const { mediaId, expiresAtMs } = await job.finally(() => rm(it.source.path))
    const failing = await it.seen('a failure', ({ state }) => state === 'failing')
    expect(failing).toMatchObject({ mediaId, expiresAtMs, failures: 1, fault: { kind: 'not-found' } })
    expect(failing.leftMs).toBeGreaterThan(12 * hourMs)
    await it.put('logo.png', content)
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
})
