/** A real cluster of three primaries and a replica, four workers, jobs of every kind: a worker is killed, the primary that holds our slot dies, and comes back. */

import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { enqueue, judge, prepare, startWeb } from '../support/load.ts'
import { ownRedis } from '../support/redis.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { until } from '../support/until.ts'

const mix = { upload: 120, download: 60, image: 40, article: 20, async: 10 }

test.runIf(ownRedis)(
  'jobs of every kind survive the death of a worker and the failover of their slot',
  async () => {
    const cluster = await startCluster({ replicas: 3 })
    const web = await startWeb()
    const concurrency = 4
    const env = { ...web.env, WECOM_MEDIA_CONCURRENCY: String(concurrency) }
    const it = await deploy({ redisUrl: cluster.url, env })
    const workers = await Promise.all([1, 2, 3, 4].map(() => it.startWorker()))
    const asked = await prepare(it, web, mix)
    const started = performance.now()
    const producing = (async () => {
      for (const one of asked) await enqueue(one)
    })()
    await it.simulator.waitFor({ method: 'media/upload' }, { count: 30, timeoutMs: 60_000 })
    workers[0]?.signal('SIGKILL')
    const { primary, replica } = await cluster.homeOf(it.namespace)
    await primary.kill()
    const killedMs = performance.now()
    await until(
      'the replica took over',
      async () => replica && String(await cluster.ask(replica, 'ROLE')).startsWith('master'),
      { withinMs: 60_000, everyMs: 50 },
    )
    const promotedMs = performance.now() - killedMs
    const seen = it.simulator.log().length
    await until('work goes on', () => it.simulator.log().length > seen, { withinMs: 60_000 })
    const backMs = performance.now() - killedMs
    await primary.restart()
    await producing
    const open = async () => {
      const { lost } = await judge(it, asked)
      return lost.length === 0
    }
    await until('every job has ended', open, { withinMs: 150_000, everyMs: 1_000 })
    const verdict = await judge(it, asked)
    process.stdout.write(
      `${JSON.stringify({ ...verdict, promotedMs, backMs, tookMs: performance.now() - started })}\n`,
    )
    expect(verdict).toMatchObject({
      failed: [],
      lost: [],
      wrong: [],
      unexpected: 0,
      acknowledged: asked.length,
    })
  },
)
