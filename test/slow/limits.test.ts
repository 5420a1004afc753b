/** The limits' bars that take a while: 10,000 permanent images with 1,000 a day, and saturation while Redis pauses. */

import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)])

test('10,000 permanent images with 1,000 a day: 1,000 calls less the units orphaned by kills, none refused', async () => {
  const it = await deploy()
  it.simulator.limits.change({ rules: { imageDay: { on: true, calls: 1_000, counts: 'calls' } } })
  const source = { path: await it.put('a.png', png) }
  for (let n = 0; n < 10_000; n += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, k) =>
        it.producer.uploadImage({ source, name: `${n + k}.png`, reuse: 'never' }),
      ),
    )
  }
  const workers = [await it.startWorker(), await it.startWorker()]
  const images = { method: 'media/uploadimg' }
  let orphans = 0
  for (const count of [200, 500]) {
    await it.simulator.waitFor(images, { count, timeoutMs: 60_000 })
    const victim = workers.shift()
    victim?.signal('SIGKILL')
    await victim?.ended
    // What a killed worker had under way may have been counted.
    orphans += it.config.concurrency
    workers.push(await it.startWorker())
  }
  const waiting = (): Promise<number> => it.redis.zcard(`${it.namespace}:image:delayed`)
  await until('the others wait for the next day', async () => (await waiting()) >= 9_000, {
    withinMs: 180_000,
    everyMs: 200,
  })
  const calls = it.simulator.count(images)
  process.stdout.write(`calls ${calls}, refused ${it.simulator.count({ ...images, refused: true })}\n`)
  expect(calls).toBeLessThanOrEqual(1_000)
  expect(calls).toBeGreaterThanOrEqual(1_000 - orphans)
  expect(it.simulator.count({ ...images, refused: true })).toBe(0)
})

test.runIf(ownRedis)(
  'under saturation a Redis that pauses for 3 s costs time, and no window passes N',
  async () => {
    const own = await startRedis()
    const it = await deploy({ redisUrl: own.url, lockMs: 10_000 })
    const [amount, windowMs] = [200, 4_000]
    const limits = {
      flightMs: 400,
      all: { rates: { minute: { amount, windowMs }, hour: null, 'ip-minute': null, 'ip-hour': null } },
    }
    const env = { WECOM_MEDIA_LIMITS: JSON.stringify(limits) }
    it.simulator.limits.change({
      windows: 'sliding',
      rules: { minute: { on: true, calls: amount, windowMs }, hour: { on: false } },
    })
    const source = { path: await it.put('a.txt', 'six bytes and more') }
    await Promise.all(
      Array.from({ length: 8 * amount }, (_, n) =>
        it.producer.upload({ type: 'file', source, name: `${n}.txt` }),
      ),
    )
    await Promise.all([it.startWorker(env), it.startWorker(env)])
    const uploads = { method: 'media/upload' }
    await it.simulator.waitFor(uploads, { count: amount, timeoutMs: 30_000 })
    await own.pause(3_000)
    await it.simulator.waitFor(uploads, { count: 5 * amount, timeoutMs: 60_000 })
    const { peak, afterFirst } = it.simulator.rate({ ...uploads, windowMs, allowance: amount })
    process.stdout.write(
      `largest window ${peak} of ${amount}, used ${((afterFirst.used ?? 0) * 100).toFixed(1)} %\n`,
    )
    expect(peak).toBeLessThanOrEqual(amount)
    expect(it.simulator.count({ ...uploads, refused: true })).toBe(0)
  },
)
