/** A cluster of which every node goes away, and one whose users are restricted. */

import { expect, test } from 'vitest'
import {
  connectProducer,
  connectSubscriber,
  connectWorker,
  demandPermissions,
  firstAnswer,
} from '../../src/redis.ts'
import { aclLine, password } from '../support/acl.ts'
import { atEnd } from '../support/at-end.ts'
import { ownRedis } from '../support/redis.ts'
import { startCluster } from '../support/redis-cluster.ts'

test.runIf(ownRedis)(
  "while all of a cluster is away a worker's command waits, and a producer's fails in time",
  async () => {
    const cluster = await startCluster()
    const [worker, producer] = [connectWorker(cluster.url), connectProducer(cluster.url)]
    for (const redis of [worker, producer]) {
      atEnd(() => redis.disconnect())
      await firstAnswer(redis, 5_000)
    }
    // Under way when the nodes go.
    for (const server of cluster.primaries) await server.pause(10_000)
    const kept = worker.set('{t}:a', 'later')
    // As it does by itself when the cluster calls itself broken.
    worker.disconnect(true)
    const started = performance.now()
    const failed = producer.set('{t}:b', 'never').then(
      () => 'it was taken',
      () => performance.now() - started,
    )
    for (const server of cluster.primaries) await server.kill()
    expect(await failed).toBeLessThan(3_500)
    for (const server of cluster.primaries) await server.restart()
    expect(await kept).toBe('OK')
    expect(await cluster.redis.exists('{t}:b')).toBe(0)
  },
)

test.runIf(ownRedis)('the ACL line with its two rights for a cluster is enough there', async () => {
  const cluster = await startCluster()
  const [, , ...rules] = (await aclLine('t')).split(' ')
  const allow = async (more: readonly string[]): Promise<void> => {
    for (const server of cluster.primaries)
      await cluster.ask(server, 'ACL', 'SETUSER', 'worker', 'reset', ...rules, ...more)
  }
  const url = cluster.url.replace('//', `//worker:${password}@`)
  await allow([])
  const early = connectProducer(url)
  atEnd(() => early.disconnect())
  await expect(firstAnswer(early, 20_000)).rejects.toThrow(/refuses us \(NOPERM\)/)
  await allow(['+cluster|slots', '+cluster|info'])
  const [redis, subscriber] = [connectWorker(url), connectSubscriber(url)]
  atEnd(() => redis.disconnect())
  atEnd(() => subscriber.disconnect())
  await firstAnswer(redis, 5_000)
  for (const server of cluster.primaries) await cluster.ask(server, 'ACL', 'LOG', 'RESET')
  await demandPermissions({ redis, subscriber }, '{t}:p0')
  for (const server of cluster.primaries) expect(await cluster.ask(server, 'ACL', 'LOG')).toEqual([])
})
