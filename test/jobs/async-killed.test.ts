/** An async upload whose worker is killed: four places, and only the first may submit twice. */

import { describe, expect, test } from 'vitest'
import { silent } from '../support/deployment.ts'
import { finished, held, kept, m5, m6, setUp, submissions } from './async-stage.ts'

describe('a worker that is killed', () => {
  const recovery = { timeoutMs: 25_000 }

  test('after the submission and before its jobid is kept: submits twice, and shows one media_id', async () => {
    const deployment = await setUp()
    const { simulator, producer, payload, startWorker } = deployment
    simulator.faults.add({ method: m5, do: 'hold', at: 'answer' })
    const first = await startWorker()
    const job = await producer.asyncUpload(payload)
    await simulator.waitFor({ method: m5, state: 'held' })
    first.signal('SIGKILL')
    await first.ended
    simulator.release()
    await startWorker()
    const { mediaId } = await producer.result(job, recovery)
    expect(submissions(deployment)).toBe(2)
    expect(await producer.read(job.id)).toMatchObject({ unknowns: 1, duplicates: 0, result: { mediaId } })
  }, 40_000)

  test('the same with onUnknown hold: ends the job and submits once only', async () => {
    const deployment = await setUp()
    const { simulator, producer, payload, startWorker } = deployment
    simulator.faults.add({ method: m5, do: 'hold', at: 'answer' })
    const first = await startWorker()
    const job = await producer.asyncUpload({ ...payload, onUnknown: 'hold' })
    await simulator.waitFor({ method: m5, state: 'held' })
    first.signal('SIGKILL')
    await first.ended
    simulator.release()
    await startWorker()
    await expect(producer.result(job, recovery)).rejects.toMatchObject({ kind: 'unknown' })
    expect(submissions(deployment)).toBe(1)
  }, 40_000)

  test('right after the jobid was kept: another one goes on with it', async () => {
    const deployment = await setUp(held)
    const { simulator, producer, payload, startWorker } = deployment
    const first = await startWorker({ DIE_AT: 'wait' })
    const job = await producer.asyncUpload(payload)
    await first.ended
    await startWorker()
    await simulator.finishJobs()
    await producer.result(job, recovery)
    expect(submissions(deployment)).toBe(1)
  }, 40_000)

  test('while the job waits, with the callback gone to nobody: another one looks', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, startWorker } = deployment
    const first = await startWorker()
    const job = await producer.asyncUpload(payload)
    await kept(deployment, job.id)
    first.signal('SIGKILL')
    await first.ended
    await simulator.finishJobs()
    await simulator.waitForDelivery({ event: finished, outcome: 'failed' })
    await startWorker(silent)
    await producer.result(job, recovery)
    expect(submissions(deployment)).toBe(1)
  }, 40_000)

  test('between the callback and its look: another one looks', async () => {
    const deployment = await setUp({ callback: true, ...held })
    const { simulator, producer, payload, startWorker } = deployment
    simulator.faults.add({ method: m6, do: 'hold', at: 'answer' })
    const first = await startWorker()
    const job = await producer.asyncUpload(payload)
    await kept(deployment, job.id)
    await simulator.finishJobs()
    await simulator.waitForDelivery({ event: finished, outcome: 'received' })
    await simulator.waitFor({ method: m6, state: 'held' })
    first.signal('SIGKILL')
    await first.ended
    simulator.release()
    await startWorker()
    await producer.result(job, recovery)
    expect(submissions(deployment)).toBe(1)
  }, 40_000)
})
