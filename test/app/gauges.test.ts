/** What a scrape of a running deployment shows, apart from jobs and calls (test/http/admin.test.ts). */

import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startApp } from '../../src/app.ts'
import { hashOfToken, newToken } from '../../src/http/tokens.ts'
import { createLog } from '../../src/log.ts'
import { atEnd } from '../support/at-end.ts'
import { type Deployment, deploy } from '../support/deployment.ts'
import { seriesOf } from '../support/metrics.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** Starts it in this process, listening; answers how to scrape. */
async function scraped({ config }: Pick<Deployment, 'config'>, changes: Partial<typeof config> = {}) {
  const options = { redisUrl: config.redisUrl ?? '', log: createLog('silent') }
  const app = await startApp({ ...config, ...changes }, options)
  atEnd(() => app.stop())
  const page = async () => (await fetch(`${app.url}/metrics`)).text()
  return { page, scrape: async () => seriesOf(await page()), publicUrl: app.publicUrl }
}

test('a fresh start shows every closed set at 0, the build, the workers and the state of Redis', async () => {
  const { page } = await scraped(await deploy())
  const text = await page()
  const values = seriesOf(text)
  expect(text).toMatch(/^wecom_media_build_info\{version="\d+\.\d+\.\d+",node="v\d+\./m)
  for (const series of [
    'wecom_media_jobs_total{queue="download",job_name="media.download",outcome="failed",kind="gone"}',
    'wecom_media_calls_total{method="media/upload",errcode="60020"}',
    'wecom_media_limit_penalties_total{method="media/get",errcode="45009"}',
    'wecom_media_token_refreshes_total{method="gettoken",outcome="refused"}',
    'wecom_media_limit_trouble_total{what="memory-lost"}',
    'wecom_media_queue_oldest_seconds{queue="upload",state="waiting"}',
    'wecom_media_queue_paused{queue="image"}',
    'wecom_media_apps_closed{app="default",errcode="none"}',
    'wecom_media_limit_waiting{corp="ww_test_corp",method="media/get",where="line"}',
  ])
    expect(values.get(series), series).toBe(0)
  expect(values.get('wecom_media_workers_connected{queue="download"}')).toBe(1)
  expect(values.get('wecom_media_redis_memory_used_bytes')).toBeGreaterThan(100_000)
  expect(values.get('wecom_media_redis_latency_seconds')).toBeGreaterThan(0)
  expect(values.get('wecom_media_redis_persistence{kind="rdb"}')).toBe(1)
  expect(values.get('wecom_media_disk_free_bytes{folder="downloads"}')).toBeGreaterThan(0)
  expect([...values.keys()].filter(name => name.includes('look_failures'))).toEqual([])
})

test('an address that is not trusted closes the app, with the errcode that says why', async () => {
  const it = await deploy()
  it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 60020 })
  const { scrape } = await scraped(it)
  const { id } = await it.producer.upload({
    type: 'file',
    source: { path: await it.put('a.txt', 'six bytes') },
  })
  await until('it waits', async () => (await it.records.read(id))?.state === 'waiting')
  const values = await scrape()
  expect(values.get('wecom_media_apps_closed{app="default",errcode="60020"}')).toBe(1)
  expect(values.has('wecom_media_apps_closed{app="default",errcode="none"}')).toBe(false)
  expect(values.get('wecom_media_calls_total{method="media/upload",errcode="60020"}')).toBe(1)
  expect(values.get('wecom_media_token_refreshes_total{method="gettoken",outcome="done"}')).toBe(1)
})

test.runIf(ownRedis)('of thousands of apps a scrape asks Redis for those that were used last', async () => {
  // Of its own: commands of other tests would count.
  const { url: redisUrl } = await startRedis()
  const it = await deploy({ redisUrl })
  const many = Array.from({ length: 3_000 }, (_, n) => [
    `app${n}`,
    { corpId: `ww${n}`, secret: `secret-${n}-of-no-value` },
  ])
  const { page } = await scraped(it, { apps: { ...it.config.apps, ...Object.fromEntries(many) } })
  const job = await it.producer.upload({ type: 'file', source: { path: await it.put('a.txt', 'six bytes') } })
  await it.producer.result(job, { timeoutMs: 5_000 })
  const { text, commands } = await countCommands(redisUrl, page)
  const closed = [...seriesOf(text).keys()].filter(name => name.startsWith('wecom_media_apps_closed'))
  expect(closed).toEqual(['wecom_media_apps_closed{app="default",errcode="none"}'])
  expect(text).not.toContain('corp="ww0"')
  expect(commands).toBeLessThan(300)
})

/** What one scrape asks of Redis; the workers ask now and then, too, so it is an upper bound. */
async function countCommands(url: string, page: () => Promise<string>) {
  const redis = new Redis(url)
  atEnd(() => redis.disconnect())
  const count = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1])
  const start = await count()
  const text = await page()
  return { text, commands: (await count()) - start }
}

test('a callback is remembered for the whole fleet, and silence is counted from the first start', async () => {
  const it = await deploy({ callback: true })
  const startedS = Date.now() / 1000
  await it.startHere()
  const name = 'wecom_media_callback_last_timestamp_seconds{party="default",kind="app"}'
  const anotherPort = { public: { host: '127.0.0.1', port: 0 } }
  const stranger = await fetch(it.callbackUrl, { method: 'POST', body: '<xml></xml>' })
  const started = await (await scraped(it, anotherPort)).scrape()
  const lost = 'wecom_media_callbacks_total{party="default",event="media",outcome="failed",reason="none"}'
  expect(started.get(lost)).toBe(0)
  const first = started.get(name) ?? 0
  expect(first).toBeGreaterThan(startedS - 1)
  expect(await it.simulator.verifyCallback()).toMatchObject({ ok: true })
  const told = (await (await scraped(it, anotherPort)).scrape()).get(name)
  expect([stranger.status, told]).toEqual([403, expect.toSatisfy(atS => atS > first)])
})

test('requests to the HTTP API are counted by operation and status, and a path that is none makes no label', async () => {
  const token = newToken()
  const it = await deploy({ tokens: [{ name: 'shop', sha256: hashOfToken(token), apps: ['default'] }] })
  const { page, publicUrl } = await scraped(it, { public: { host: '127.0.0.1', port: 0 } })
  const ask = async (path: string, headers = {}) =>
    (await fetch(`${publicUrl}/v1/${path}`, { headers })).status
  const statuses = [
    await ask('limits'),
    await ask('limits', { authorization: `Bearer ${token}` }),
    await ask('evil'),
  ]
  expect(statuses).toEqual([401, 200, expect.any(Number)])
  const values = seriesOf(await page())
  const counted = [...values].filter(([name]) => name.startsWith('wecom_media_api_requests_total'))
  expect(counted.reduce((sum, [, count]) => sum + count, 0)).toBe(3)
  expect(counted.map(([name]) => name)).toContainEqual(
    expect.stringMatching(/operation="(?!none)[\w.-]+",status="200"/),
  )
  expect(await page()).not.toContain('evil')
  // An alert takes the rise of failures: the first must be one.
  expect(counted.filter(([name]) => name.endsWith('status="503"}')).length).toBeGreaterThan(5)
  expect(counted.filter(([name]) => name.includes('operation="none"'))).toHaveLength(1)
})
