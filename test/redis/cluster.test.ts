import { expect, test } from 'vitest'
import { connectProducer, connectSubscriber, connectWorker, firstAnswer } from '../../src/redis.ts'
import { atEnd } from '../support/at-end.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { until } from '../support/until.ts'

const refusalOf = async (url: string): Promise<{ kind: string; message: string }> => {
  const redis = connectProducer(url)
  atEnd(() => redis.disconnect())
  return firstAnswer(redis, 20_000).catch(error => error)
}

test.runIf(ownRedis)('a cluster answers, and hears what any of its nodes is told', async () => {
  const cluster = await startCluster()
  const worker = connectWorker(cluster.url)
  const subscriber = connectSubscriber(cluster.url)
  atEnd(() => worker.disconnect())
  atEnd(() => subscriber.disconnect())
  await firstAnswer(worker, 5_000)
  await firstAnswer(subscriber, 5_000)
  const heard: string[] = []
  subscriber.on('message', (_channel: string, message: string) => heard.push(message))
  await subscriber.subscribe('{t}:ended')
  for (const server of cluster.primaries) await cluster.ask(server, 'PUBLISH', '{t}:ended', `${server.port}`)
  await until('all were heard', () => heard.length === 3)
  expect(await worker.multi().set('{t}:a', '1').get('{t}:a').exec()).toEqual([
    [null, 'OK'],
    [null, '1'],
  ])
  expect((await refusalOf(cluster.primaries[0]?.url ?? '')).message).toMatch(/add \?cluster to REDIS_URL/)
})

test.runIf(ownRedis)('of a server of its own a cluster is not expected to come', async () => {
  const own = await startRedis()
  const { kind, message } = await refusalOf(`${own.url}?cluster`)
  expect({ kind, message }).toMatchObject({
    kind: 'config',
    message: expect.stringMatching(/take \?cluster out/),
  })
})
