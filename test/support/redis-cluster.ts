/** A Redis Cluster of real servers for one test: three primaries, and replicas where asked. */

import { Cluster, Redis } from 'ioredis'
import { atEnd } from './at-end.ts'
import { type OwnRedis, startRedis } from './redis.ts'
import { until } from './until.ts'

export interface TestCluster {
  /** As REDIS_URL names it. */
  readonly url: string
  readonly primaries: readonly OwnRedis[]
  readonly replicas: readonly OwnRedis[]
  /** Of the cluster, for the test's own questions. */
  readonly redis: Cluster
  /** The primary that has the slot of this key, and the replica behind it. */
  homeOf(key: string): Promise<{ readonly primary: OwnRedis; readonly replica: OwnRedis | undefined }>
  ask(server: OwnRedis, ...command: [string, ...string[]]): Promise<unknown>
}

type Range = readonly [from: number, to: number, ...nodes: (readonly [host: string, port: number])[]]

const slots = 16_384

/** How long a node may be silent before the others call it dead, ms. */
const nodeTimeoutMs = 1_500

export async function startCluster({ replicas: wanted = 0 } = {}): Promise<TestCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)]
  const start = () =>
    startRedis({ appendonly: true, args: [...args, '--cluster-replica-validity-factor', '0'] })
  const primaries = await Promise.all([start(), start(), start()])
  const replicas = await Promise.all(Array.from({ length: wanted }, start))
  const connections = new Map<number, Redis>()
  const ask = async (server: OwnRedis, ...[name, ...rest]: [string, ...string[]]): Promise<unknown> => {
    let redis = connections.get(server.port)
    if (redis === undefined) {
      redis = new Redis(server.url, { maxRetriesPerRequest: null })
      redis.on('error', () => {})
      connections.set(server.port, redis)
      atEnd(() => redis?.disconnect())
    }
    return redis.call(name, ...rest)
  }
  await meet(primaries, replicas, ask)
  const url = `redis://${primaries.map(({ port }) => `127.0.0.1:${port}`).join(',')}?cluster`
  const redis = new Cluster(
    primaries.map(({ port }) => ({ host: '127.0.0.1', port })),
    { maxRedirections: Number.POSITIVE_INFINITY, redisOptions: { maxRetriesPerRequest: null } },
  )
  redis.on('error', () => {})
  atEnd(() => redis.disconnect())
  const all = [...primaries, ...replicas]
  return {
    ...{ url, primaries, replicas, redis, ask },
    async homeOf(key) {
      const slot = Number(await redis.cluster('KEYSLOT', key))
      const ranges = (await redis.cluster('SLOTS')) as unknown as Range[]
      const [, , home, behind] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? []
      const at = (port: number | undefined) => all.find(server => server.port === port)
      return { primary: at(home?.[1]) as OwnRedis, replica: at(behind?.[1]) }
    },
  }
}

/** Introduces them to each other and waits until each of them calls the cluster whole. */
async function meet(
  primaries: readonly OwnRedis[],
  replicas: readonly OwnRedis[],
  ask: TestCluster['ask'],
): Promise<void> {
  const share = Math.ceil(slots / primaries.length)
  await Promise.all(
    primaries.map((server, n) =>
      ask(server, 'CLUSTER', 'ADDSLOTSRANGE', `${n * share}`, `${Math.min((n + 1) * share, slots) - 1}`),
    ),
  )
  const [first, ...others] = [...primaries, ...replicas]
  for (const other of others) if (first) await ask(other, 'CLUSTER', 'MEET', '127.0.0.1', `${first.port}`)
  const all = [first, ...others].filter(server => server !== undefined)
  const says = async (server: OwnRedis) => {
    const info = String(await ask(server, 'CLUSTER', 'INFO'))
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${all.length}`)
  }
  await until('the cluster is whole', async () => (await Promise.all(primaries.map(says))).every(Boolean), {
    withinMs: 30_000,
    everyMs: 50,
  })
  for (const [n, replica] of replicas.entries()) {
    const primary = primaries[n % primaries.length] as OwnRedis
    const id = String(await ask(primary, 'CLUSTER', 'MYID'))
    await until(
      'the replica knows its primary',
      () => ask(replica, 'CLUSTER', 'REPLICATE', id).catch(() => ''),
      {
        everyMs: 50,
      },
    )
  }
  for (const replica of replicas)
    await until('the replica follows', async () =>
      String(await ask(replica, 'INFO', 'replication')).includes('master_link_status:up'),
    )
}
