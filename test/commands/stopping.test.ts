/** How a worker process ends, whatever goes on around it. Ids: notes/reliability.md §6. */

import { describe, expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { envOf, start } from './cli.ts'

const graceMs = 500
const env = { WECOM_MEDIA_GRACE_MS: String(graceMs) }

/** From the signal to the end, ms. */
const endOf = async (worker: ReturnType<typeof start>, signal: NodeJS.Signals = 'SIGTERM') => {
  const started = performance.now()
  worker.signal(signal)
  const end = await worker.ended
  return { ...end, ms: performance.now() - started }
}

const isReady = (worker: ReturnType<typeof start>) =>
  until('it is ready', () => worker.stderr().includes('"msg":"ready"'), { withinMs: 20_000 })

/** A worker whose only job hangs in its transfer. */
const transferring = async () => {
  const it = await deploy()
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const worker = start(['serve'], { env: { ...envOf(it), ...env } })
  await isReady(worker)
  const source = { path: await it.put('a.txt', 'some bytes and more') }
  const job = await it.producer.upload({ type: 'file', source })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  return { it, worker, job }
}

describe('SIGTERM', () => {
  test('during a transfer hands the job back after the grace, and spends no attempt', async () => {
    const { it, worker, job } = await transferring()
    const { code, ms } = await endOf(worker)
    expect(code).toBe(0)
    expect(ms).toBeGreaterThanOrEqual(graceMs)
    expect(ms).toBeLessThan(graceMs + 5_000)
    const kept = `${it.namespace}:upload:${job.id}`
    expect(await it.redis.hget(kept, 'atm'), 'attempts made').toBeOneOf([null, '0'])
    expect(await it.redis.zrange(`${it.namespace}:upload:prioritized`, '0', '-1')).toEqual([job.id])
    expect(await it.producer.read(job.id)).toMatchObject({ state: 'queued' })
  })

  test('Q19 a second one ends it at once, whatever is under way', async () => {
    const { worker } = await transferring()
    worker.signal('SIGTERM')
    await until('it is stopping', () => worker.stderr().includes('"msg":"stopping"'))
    const { code, ms } = await endOf(worker)
    expect({ code, soon: ms < 1_000 }).toEqual({ code: 130, soon: true })
  })

  test('Q19 ends a worker that still waits for Redis at its start', async () => {
    const it = await deploy()
    const worker = start(['serve'], { env: { ...envOf(it), ...env, REDIS_URL: 'redis://127.0.0.1:1' } })
    await until('it waits', () => worker.stderr().includes('waiting up to'), { withinMs: 15_000 })
    const { code, ms } = await endOf(worker)
    expect({ code, soon: ms < 2_000 }).toEqual({ code: 130, soon: true })
    expect(worker.stdout()).toContain('"cancelled"')
  })
})
