/**
 * The kinds of Redis connection and why they differ: a worker's waits for ever and must notice a dead link,
 * a producer's must fail before its caller's patience ends. They are never shared between the two.
 */

import { Redis, type RedisOptions } from 'ioredis'
import { systemClock } from './clock.ts'
import { type Address, readAddress } from './redis/address.ts'
import { BatchingRedis } from './redis/batching.ts'
import { openCluster } from './redis/cluster.ts'
import type { Connection } from './redis/connection.ts'
import { firstAnswer as answer } from './redis/first-answer.ts'
import { hearEveryError } from './redis/heard.ts'
import { listenForTrouble, sparsely } from './redis/trouble.ts'
import { codeOf } from './refusal.ts'

export { placeOf, readAddress } from './redis/address.ts'
export { type Connection, primariesOf } from './redis/connection.ts'
export { demandPermissions } from './redis/permissions.ts'
export { isRefusal } from './refusal.ts'

export interface ConnectOptions {
  /** Shown by CLIENT LIST. */
  readonly name?: string
  /** Hears of each kind of trouble at once, then at most every 30 s; `more` counts what was left out. Default: nobody hears. */
  readonly onError?: (error: Error, more: number) => void
  /** How long a pending command may go without a byte before the link counts as dead. Default 30,000. */
  readonly socketTimeoutMs?: number
}

/**
 * For BullMQ workers and everything that runs inside jobs: a command waits as long as Redis is away.
 * With a finite number of retries a finished job is run again (notes/bullmq.md §1.3).
 */
export const connectWorker = (url: string, options: ConnectOptions = {}): Connection =>
  open(url, options, { maxRetriesPerRequest: null })

/**
 * For whoever enqueues: rejects within about 2 s when Redis is away. Commands are kept back only until
 * Redis was there once; later ones must not be sent long after their caller was told that they failed.
 */
export const connectProducer = (url: string, options: ConnectOptions = {}): Connection => {
  const redis = open(url, options, { maxRetriesPerRequest: 1, commandTimeout: 2_000, connectTimeout: 2_000 })
  redis.once('ready', () => {
    redis.options.enableOfflineQueue = false
  })
  return redis
}

/**
 * For pub/sub. It subscribes again after an outage by itself; what was published in between is lost. It asks
 * for a sign of life, because a subscriber has no command pending and a dead link would never be noticed.
 */
export const connectSubscriber = (url: string, options: ConnectOptions = {}): Redis => {
  const address = readAddress(url)
  const all = optionsOf(address, options, { maxRetriesPerRequest: null })
  const redis = remember(
    address.as === 'cluster' ? openOnAnyNode(address, all) : new Redis(all),
    address,
    options,
  )
  void askForLife(redis, (options.socketTimeoutMs ?? 30_000) / 3)
  return redis
}

/** A cluster hands what is published to all its nodes, so one is enough to listen to; the next one, when it goes away. */
const openOnAnyNode = ({ nodes }: Address, options: ReturnType<typeof optionsOf>): Redis => {
  const retryStrategy = (times: number): number => {
    Object.assign(redis.options, nodes[times % nodes.length])
    return retryDelayMs(times)
  }
  const redis: Redis = new Redis({ ...options, ...nodes[0], retryStrategy })
  return redis
}

const askForLife = async (redis: Redis, everyMs: number): Promise<void> => {
  const over = new AbortController()
  redis.once('end', () => over.abort())
  while (!over.signal.aborted) {
    await systemClock.sleep(everyMs, over.signal).catch(() => {})
    if (redis.status === 'ready') await redis.ping().catch(() => {})
  }
}

const open = (url: string, options: ConnectOptions, kind: RedisOptions): Connection => {
  const address = readAddress(url)
  const { retryStrategy: _, reconnectOnError: __, ...redisOptions } = optionsOf(address, options, kind)
  const patient = kind.maxRetriesPerRequest === null
  const redis =
    address.as === 'cluster'
      ? openCluster(address, { patient, retryStrategy: retryDelayMs, redisOptions })
      : new BatchingRedis(optionsOf(address, options, kind))
  return remember(redis, address, options)
}

const optionsOf = (
  { nodes, as, primary, login }: Address,
  { name, socketTimeoutMs }: ConnectOptions,
  kind: RedisOptions,
) => ({
  ...login,
  ...(as === 'server' && nodes[0]),
  ...(as === 'sentinel' && sentinels(nodes, primary, login)),
  ...(name === undefined ? {} : { connectionName: name }),
  // Without it a link that a NAT has forgotten parks a worker for good, without an error. A blocking read
  // is pending for at most 10 s, so 30 s never ends a healthy one (notes/bullmq.md §1.3, tried there).
  socketTimeout: socketTimeoutMs ?? 30_000,
  keepAlive: 10_000,
  retryStrategy: retryDelayMs,
  reconnectOnError: reconnectOnReadOnly(),
  ...kind,
  replyMapping: 'legacy' as const, // The types ask for it; it is the default.
})

/** They answer in the same way as Redis does: with TLS where it has it. */
const sentinels = (nodes: Address['nodes'], name: string | undefined, { tls }: Address['login']) => ({
  sentinels: [...nodes],
  ...(name !== undefined && { name }),
  ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  sentinelRetryStrategy: retryDelayMs,
})

const addresses = new WeakMap<Connection, Address>()

const remember = <C extends Connection>(redis: C, address: Address, { onError }: ConnectOptions): C => {
  addresses.set(redis, address)
  hearEveryError(redis)
  listenForTrouble(redis, sparsely(onError ?? (() => {})))
  return redis
}

/**
 * Resolves when Redis answers; waits until then, so that Redis may start later than we do. For connections that were
 * opened here. Faults: `config` after `timeoutMs`, or at once when waiting can't help (password, certificate).
 */
export async function firstAnswer(redis: Connection, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const address = addresses.get(redis)
  if (!address) throw new Error('a connection that was opened elsewhere')
  await answer(redis, { address, timeoutMs, signal })
}

/** 50, 100, 200 … 3,000 ms: soon back after a restart, and no storm during a long outage. */
export const retryDelayMs = (times: number): number => Math.min(50 * 2 ** (times - 1), 3_000)

const reconnectEveryMs = 5_000

/**
 * After a failover we may still be linked to the old primary, which is read-only now: connect anew and send
 * again. Where that does not help, the next one surfaces instead of going round in circles.
 */
const reconnectOnReadOnly = (): ((error: Error) => 2 | false) => {
  let lastMs = Number.NEGATIVE_INFINITY
  return error => {
    const nowMs = systemClock.monotonicMs()
    if (codeOf(error) !== 'READONLY' || nowMs - lastMs < reconnectEveryMs) return false
    lastMs = nowMs
    return 2
  }
}
