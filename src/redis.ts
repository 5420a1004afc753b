/**
 * The kinds of Redis connection and why they differ: a worker's waits for ever and must notice a dead link,
 * a producer's must fail before its caller's patience ends. They are never shared between the two.
 */

import { Redis, type RedisOptions } from 'ioredis'
import { systemClock } from './clock.ts'
import { Fault } from './fault.ts'
import { codeOf } from './refusal.ts'

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
export const connectWorker = (url: string, options: ConnectOptions = {}): Redis =>
  open(url, options, { maxRetriesPerRequest: null })

/**
 * For whoever enqueues: rejects within about 2 s when Redis is away. Commands are kept back only until
 * Redis was there once; later ones must not be sent long after their caller was told that they failed.
 */
export const connectProducer = (url: string, options: ConnectOptions = {}): Redis => {
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
  const redis = open(url, options, { maxRetriesPerRequest: null })
  void askForLife(redis, (options.socketTimeoutMs ?? 30_000) / 3)
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

const open = (url: string, options: ConnectOptions, kind: RedisOptions): Redis => {
  const all = {
    ...endpoint(url),
    ...(options.name === undefined ? {} : { connectionName: options.name }),
    // Without it a link that a NAT has forgotten parks a worker for good, without an error. A blocking read
    // is pending for at most 10 s, so 30 s never ends a healthy one (notes/bullmq.md §1.3, tried there).
    socketTimeout: options.socketTimeoutMs ?? 30_000,
    keepAlive: 10_000,
    retryStrategy: retryDelayMs,
    reconnectOnError: reconnectOnReadOnly(),
    ...kind,
    replyMapping: 'legacy' as const, // The types ask for it; it is the default.
  }
  const redis = new Redis(all)
  redis.on('error', sparsely(options.onError ?? (() => {})))
  return redis
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

/** The parts of a redis:// or rediss:// URL. Faults: `config`, which never shows the URL: it may hold a password. */
export const endpoint = (url: string): RedisOptions => {
  const parts = URL.parse(url)
  const known = parts?.protocol === 'redis:' || parts?.protocol === 'rediss:'
  const db = Number(parts?.pathname.slice(1) ?? 0)
  if (!parts || !known || !parts.hostname || !Number.isInteger(db))
    throw new Fault('config', 'REDIS_URL is no Redis URL: write redis://host:6379, or rediss:// for TLS')
  return {
    host: parts.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(parts.port || 6379),
    db,
    ...(parts.username ? { username: decodeURIComponent(parts.username) } : {}),
    ...(parts.password ? { password: decodeURIComponent(parts.password) } : {}),
    ...(parts.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

const everyMs = 30_000

/** An outage raises dozens of errors a second; people need the first of each kind and a count. */
const sparsely = (tell: (error: Error, more: number) => void): ((error: Error) => void) => {
  const told = new Map<string, { atMs: number; more: number }>()
  return error => {
    const nowMs = systemClock.monotonicMs()
    const kind = codeOf(error)
    const last = told.get(kind)
    if (last && nowMs - last.atMs < everyMs) {
      last.more += 1
      return
    }
    told.set(kind, { atMs: nowMs, more: 0 })
    tell(error, last?.more ?? 0)
  }
}

/** host:port, for people. */
const placeOf = ({ options }: Redis): string => `${options.host ?? 'localhost'}:${options.port ?? 6379}`

const passwordCodes = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM'])

/**
 * Resolves when Redis answers; waits until then, so that Redis may start later than we do.
 * Faults: `config` after `timeoutMs`, or at once when it wants another password.
 */
export const firstAnswer = async (redis: Redis, timeoutMs: number, signal?: AbortSignal): Promise<void> => {
  let last: Error | undefined
  const over = new AbortController()
  const listen = (error: Error): void => {
    last = error
    if (passwordCodes.has(codeOf(error))) over.abort()
  }
  redis.on('error', listen)
  const waits = AbortSignal.any(signal ? [over.signal, signal] : [over.signal])
  const late = systemClock.sleep(timeoutMs, waits).catch(() => {})
  try {
    const answered = await Promise.race([readyAndAnswering(redis).catch(listen), late])
    signal?.throwIfAborted()
    if (answered !== true) throw new Fault('config', unreachable(placeOf(redis), last), { cause: last })
  } finally {
    redis.off('error', listen)
    over.abort()
  }
}

/** Asks only when the link is ready: a producer's command would not wait for that. */
const readyAndAnswering = async (redis: Redis): Promise<true> => {
  if (redis.status !== 'ready') await new Promise<void>(resolve => redis.once('ready', () => resolve()))
  await redis.ping()
  return true
}

const unreachable = (place: string, error: Error | undefined): string => {
  const code = error && codeOf(error)
  if (code && passwordCodes.has(code))
    return `Redis at ${place} refuses us (${code}): correct user and password in REDIS_URL`
  const why = code ? ` (${code})` : ''
  return `Redis at ${place} does not answer${why}: start it there, or correct REDIS_URL`
}
