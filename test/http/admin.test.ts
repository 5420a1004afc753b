/** The admin listener of a worker that really runs. */

import { expect, test } from 'vitest'
import { metricsTable } from '../../src/metrics/metrics.ts'
import { deploy } from '../support/deployment.ts'
import { seriesOf } from '../support/metrics.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const text = async (url: string): Promise<string> => (await fetch(url)).text()

test('jobs, calls, bytes and depth are counted on /metrics', async () => {
  const { producer, put, config } = await deploy()
  const { startApp } = await import('../../src/app.ts')
  const { createLog } = await import('../../src/log.ts')
  const app = await startApp(config, { redisUrl: config.redisUrl ?? '', log: createLog('silent') })
  const path = await put('a.txt', 'six bytes and more')
  const { mediaId } = await producer.result(await producer.upload({ type: 'file', source: { path } }), {
    timeoutMs: 5_000,
  })
  await producer.result(await producer.download({ mediaId }), { timeoutMs: 5_000 })
  const failed = await producer.download({ mediaId: 'unknown' })
  await producer.result(failed, { timeoutMs: 5_000 }).catch(() => undefined)
  const page = await text(`${app.url}/metrics`)
  const values = seriesOf(page)
  expect(
    values.get('wecom_media_jobs_total{queue="upload",job_name="media.upload",outcome="done",kind="none"}'),
  ).toBe(1)
  expect(
    values.get(
      'wecom_media_jobs_total{queue="download",job_name="media.download",outcome="failed",kind="gone"}',
    ),
  ).toBe(1)
  expect(values.get('wecom_media_calls_total{method="media/upload",errcode="0"}')).toBe(1)
  expect(values.get('wecom_media_calls_total{method="media/get",errcode="40007"}')).toBe(1)
  expect(
    values.get('wecom_media_bytes_total{method="media/get",direction="received"}'),
  ).toBeGreaterThanOrEqual(18)
  expect(values.get('wecom_media_queue_jobs{queue="download",state="failed"}')).toBe(1)
  expect(values.get('wecom_media_redis_up')).toBe(1)
  expect(values.get('wecom_media_job_duration_seconds_count{job_name="media.upload",outcome="done"}')).toBe(1)
  const names = Object.keys(metricsTable)
  for (const name of names) expect(page, name).toContain(`# TYPE ${name} `)
  expect(page).not.toContain(mediaId)
  await app.stop()
})

test('a hostile job name becomes no label', async () => {
  const { redis, namespace, startWorker } = await deploy()
  const { Queue } = await import('bullmq')
  const queue = new Queue('upload', { connection: redis, prefix: namespace })
  for (let n = 0; n < 5; n++) await queue.add(`evil-${n}`, {}, { jobId: `evil${n}` })
  const worker = await startWorker()
  const page = await until('the metric', async () => {
    const found = await text(`${urlOf(worker.stdout())}/metrics`)
    return found.includes('job_name="unknown",outcome="failed",kind="invalid"} 5') ? found : undefined
  })
  expect(page).not.toContain('evil')
  await queue.close()
})

const urlOf = (stdout: string): string => JSON.parse(stdout.split('\n')[0] ?? '{}').url

test('a worker without Redis is alive and not ready, and ready again when Redis is back', async () => {
  const { config, startWorker } = await deploy()
  const proxy = await startProxy(config.redisUrl ?? '')
  const url = urlOf((await startWorker({ REDIS_URL: proxy.url })).stdout())
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  await proxy.refuse()
  proxy.reset()
  await until('not ready', async () => (await fetch(`${url}/readyz`)).status === 503)
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  expect(seriesOf(await text(`${url}/metrics`)).get('wecom_media_redis_up')).toBe(0)
  await proxy.accept()
  await until('ready', async () => (await fetch(`${url}/readyz`)).status === 200)
})

test('other paths and methods get nothing', async () => {
  const { startWorker } = await deploy()
  const url = urlOf((await startWorker()).stdout())
  expect((await fetch(`${url}/`)).status).toBe(404)
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404)
})
