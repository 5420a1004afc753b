/** Health of a process that is on its way out, or whose Redis takes no writes. */

import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const urlOf = (stdout: string): string => JSON.parse(stdout.split('\n')[0] ?? '{}').url
const readyOf = async (url: string) => {
  const response = await fetch(`${url}/readyz`)
  return { status: response.status, text: await response.text() }
}

test('a process that stops is alive and no longer ready while its last job runs', async () => {
  const { simulator, producer, put, startWorker } = await deploy()
  simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const worker = await startWorker({ WECOM_MEDIA_GRACE_MS: '10000' })
  const url = urlOf(worker.stdout())
  const source = { path: await put('a.txt', 'six bytes and more') }
  const job = await producer.upload({ type: 'file', source })
  await simulator.waitFor(call => call.method === 'media/upload' && call.state === 'held')
  expect(await readyOf(url)).toEqual({ status: 200, text: 'ready\n' })
  worker.signal('SIGTERM')
  await until('not ready', async () => (await readyOf(url)).status === 503)
  expect(await readyOf(url)).toEqual({ status: 503, text: 'stopping\n' })
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  simulator.release()
  await producer.result(job, { timeoutMs: 5_000 })
  expect(await worker.ended).toMatchObject({ code: 0 })
})

test.runIf(ownRedis)('a process whose Redis takes no writes is not ready, and says so', async () => {
  const own = await startRedis()
  const { producer, startWorker } = await deploy({ redisUrl: own.url })
  const url = urlOf((await startWorker()).stdout())
  await producer.download({ mediaId: 'unknown-1' })
  await own.configure('maxmemory', '1mb')
  await until('the gate is closed', async () => (await readyOf(url)).text.includes('Redis takes no writes'), {
    withinMs: 15_000,
  })
  expect((await readyOf(url)).status).toBe(503)
  await own.configure('maxmemory', '0')
  await until('ready again', async () => (await readyOf(url)).status === 200, { withinMs: 15_000 })
})
