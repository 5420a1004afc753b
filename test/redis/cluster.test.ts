import { beforeAll, expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { connectProducer, connectSubscriber, connectWorker, firstAnswer } from '../../src/redis.ts'
import { atEnd } from '../support/at-end.ts'
import { deploy } from '../support/deployment.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { startCluster, type TestCluster } from '../support/redis-cluster.ts'
import { until } from '../support/until.ts'

let cluster: TestCluster
beforeAll(async () => {
  if (ownRedis) cluster = await startCluster()
})

const refusalOf = async (url: string): Promise<{ kind: string; message: string }> => {
  const redis = connectProducer(url)
  atEnd(() => redis.disconnect())
  return firstAnswer(redis, 20_000).catch(error => error)
}

test.runIf(ownRedis)('a cluster answers, and hears what any of its nodes is told', async () => {
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

test.runIf(ownRedis)('a media_id is kept alive on a cluster', async () => {
  const it = await deploy({ redisUrl: cluster.url, env: { WECOM_MEDIA_RENEW_LOOK_MS: '200' } })
  await it.startHere()
  const hourMs = 3_600_000
  const source = { path: await it.put('logo.txt', 'some bytes of a logo') }
  const until30 = new Date(Date.now() + 30 * 24 * hourMs).toISOString()
  // As if it had been uploaded so long ago: a renewal is due at once.
  it.simulator.clock.set(Date.now() - 50 * hourMs)
  it.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer' })
  const keepAlive = { name: 'logo', until: until30 }
  const job = await it.producer.upload({ type: 'file', source, keepAlive })
  await it.simulator.waitFor({ method: 'media/upload', state: 'held' })
  it.simulator.clock.set(Date.now())
  it.simulator.release()
  const { mediaId } = await it.producer.result(job, { timeoutMs: 15_000 })
  const renewed = async () => {
    const kept = await it.producer.kept({ name: 'logo' })
    return kept?.mediaId !== undefined && kept.mediaId !== mediaId
  }
  await until('it is renewed', renewed, { withinMs: 15_000 })
})

test.runIf(ownRedis)('a producer takes a Cluster of its caller, whose jobs the workers do', async () => {
  const it = await deploy({ redisUrl: cluster.url })
  await it.startHere()
  const { baseUrl, prefix } = it.config
  const producer = createProducer({ redis: cluster.redis, baseUrl, prefix })
  atEnd(() => producer.close())
  const job = await producer.upload({ type: 'file', source: { path: await it.put('a.txt', 'some bytes') } })
  expect(await producer.result(job, { timeoutMs: 15_000 })).toMatchObject({ name: 'a.txt' })
})
