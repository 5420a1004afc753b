/** Workers that leave in turn under load, and one that leaves while Redis is away. Ids: notes/reliability.md §6. */

import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Deployment } from '../support/deployment.ts'
import { deploy } from '../support/deployment.ts'
import { type Asked, enqueue, judge, prepare, startWeb } from '../support/load.ts'
import type { NodeProcess } from '../support/processes.ts'
import { ownRedis, startRedis } from '../support/redis.ts'

const mix = { upload: 400, download: 200, image: 100, article: 60, async: 30 }

/** Of BullMQ's jobs: how often a dead worker's was taken over, and how many attempts were spent beyond the first. */
async function spentOf({ redis, namespace, producer }: Deployment, asked: readonly Asked[]) {
  let [stalled, attempts] = [0, 0]
  for (const { id = '' } of asked) {
    const { queue = '' } = (await producer.read(id)) ?? {}
    const [stalls, made] = await redis.hmget(`${namespace}:${queue}:${id}`, 'stc', 'atm')
    stalled += Number(stalls ?? 0)
    attempts += Math.max(0, Number(made ?? 0) - 1)
  }
  return { stalled, attempts }
}

test('Q18 workers that are replaced one after the other under load lose nothing and repeat nothing', async () => {
  const web = await startWeb()
  const it = await deploy({
    env: { ...web.env, WECOM_MEDIA_CONCURRENCY: '4', WECOM_MEDIA_GRACE_MS: '5000' },
    lockMs: 10_000,
  })
  // Slow enough that every worker has jobs under way when it is asked to leave.
  it.simulator.faults.add({ method: 'media/upload', do: 'stall', at: 'head', ms: 150, times: 1_000 })
  const workers: NodeProcess[] = await Promise.all([1, 2, 3, 4].map(() => it.startWorker()))
  const asked = await prepare(it, web, mix)
  const producing = (async () => {
    for (const one of asked) {
      await enqueue(one)
      await delay(10)
    }
  })()
  const drainedMs: number[] = []
  for (let round = 0; round < 6; round++) {
    await delay(1_000)
    const leaving = workers.shift()
    const started = performance.now()
    leaving?.signal('SIGTERM')
    expect(await leaving?.ended).toEqual({ code: 0, signal: null })
    drainedMs.push(Math.round(performance.now() - started))
    workers.push(await it.startWorker())
  }
  await producing
  for (const { id = '' } of asked) await it.producer.result(id, { timeoutMs: 60_000 })
  const verdict = await judge(it, asked)
  const spent = await spentOf(it, asked)
  process.stdout.write(`${JSON.stringify({ ...verdict, ...spent, drainedMs })}\n`)
  expect(verdict).toMatchObject({
    ...{ acknowledged: asked.length, done: asked.length, failed: [], lost: [], wrong: [], litter: [] },
    ...{ unexpected: 0, duplicated: 0, tokens: 1 },
  })
  expect(spent).toEqual({ stalled: 0, attempts: 0 })
  expect(Math.max(...drainedMs)).toBeLessThan(10_000)
})

test.runIf(ownRedis)(
  'Q19 a worker whose Redis is away leaves within its grace and a few seconds',
  async () => {
    const own = await startRedis()
    const it = await deploy({ redisUrl: own.url })
    it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
    const worker = await it.startWorker({ WECOM_MEDIA_GRACE_MS: '500' })
    await it.producer.upload({ type: 'file', source: { path: await it.put('a.txt', 'some bytes and more') } })
    await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
    await own.kill()
    const started = performance.now()
    worker.signal('SIGTERM')
    expect(await worker.ended).toEqual({ code: 0, signal: null })
    expect(performance.now() - started).toBeLessThan(500 + 8_000)
  },
)
