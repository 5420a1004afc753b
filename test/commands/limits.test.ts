/** `wecom-media limits`: what an operator sees of buckets, penalties and quotas. */

import { expect, test } from 'vitest'
import { createLimits } from '../../src/index.ts'
import { gatedMethods } from '../../src/limits/rules.ts'
import { account, deploy } from '../support/deployment.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { envOf, failure, run } from './cli.ts'

interface Shown {
  readonly method: string
  readonly penalty?: { readonly untilMs: number }
  readonly quota?: {
    readonly rules: readonly { readonly rule: string; readonly used: number; readonly left: number }[]
  }
}

test('shows every method of the company, a penalty with its end, and what is left of the quota', async () => {
  const it = await deploy()
  const { redisUrl = '', baseUrl, prefix } = it.config
  const { gate, quota, close } = await createLimits({ redis: redisUrl, baseUrl, prefix })
  const corp = account.corpId
  await quota.reserve({ corp, method: 'media/uploadimg' }, 'job:0')
  const grant = await gate.pass({ corp, method: 'media/upload', patienceMs: 1_000 })
  const { Fault } = await import('../../src/fault.ts')
  await grant.done(new Fault('limit', 'too often', { errcode: 45009 }))
  await close()
  const { code, object } = await run(['limits'], { env: { ...envOf(it), REDIS_URL: redisUrl } })
  expect(code).toBe(0)
  const shown = object['limits'] as Shown[]
  expect(shown.map(({ method }) => method)).toEqual(gatedMethods)
  const of = (method: string) => shown.find(one => one.method === method)
  expect(of('media/upload')?.penalty?.untilMs).toBeGreaterThan(Date.now() + 30_000)
  expect(of('media/uploadimg')?.quota?.rules).toMatchObject([
    { rule: 'day', used: 1, left: 999 },
    { rule: 'month', used: 1, left: 2_999 },
  ])
})

test.each([
  ['an amount of 0', { methods: { 'media/upload': { rates: { minute: { amount: 0 } } } } }, /minute/],
  [
    'a burst over the amount',
    { methods: { 'media/get': { rates: { minute: { amount: 5, burst: 9 } } } } },
    /burst/,
  ],
  ['a way longer than the window', { flightMs: 60_000 }, /flightMs|window/],
  ['a quota of 0', { methods: { 'media/uploadimg': { quota: { day: { amount: 0 } } } } }, /day/],
  ['a method that is not there', { methods: { 'media/steal': {} } }, /media\/steal/],
  [
    'a quota that nobody would keep',
    { methods: { 'media/upload': { quota: { q: { amount: 1, per: 'day' } } } } },
    /media\/uploadimg/,
  ],
  ['a rule that is misspelt', { methods: { 'media/get': { rate: {} } } }, /rate/],
])('%s is wrong usage, told in one line', async (_what, limits, message) => {
  const it = await deploy()
  const env = {
    ...envOf(it),
    REDIS_URL: it.config.redisUrl ?? '',
    WECOM_MEDIA_LIMITS: JSON.stringify(limits),
  }
  const told = failure(await run(['limits'], { env }))
  expect(told).toMatchObject({ code: 2, kind: 'config' })
  expect(told.message).toMatch(message)
})

test('an app that the platform refuses is named, with the reason', async () => {
  const it = await deploy()
  await it.startHere({ apps: { default: { ...account, secret: 'wrong-secret' } } })
  const job = await it.producer.download({ mediaId: 'any' })
  await until('it waits', async () => (await it.producer.read(job.id))?.waiting)
  const env = { ...envOf(it), REDIS_URL: it.config.redisUrl ?? '', WECOM_CORP_SECRET: 'wrong-secret' }
  const { object } = await run(['limits'], { env })
  expect(object['closedApps']).toMatchObject([
    { app: 'default', why: { kind: 'unavailable', errcode: 40001 } },
  ])
})

test('a Redis that evicts keys is refused, with the reason', async () => {
  const own = await startRedis()
  await own.configure('maxmemory-policy', 'allkeys-lru')
  const it = await deploy()
  const told = failure(await run(['limits'], { env: { ...envOf(it), REDIS_URL: own.url } }))
  expect(told).toMatchObject({ code: 2, message: expect.stringMatching(/allkeys-lru.*noeviction/) })
})
