/** Redis for tests: a corner of the shared one, or a server of its own for a test that hurts it. */

import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { findBinary, type RunningServer, startServer } from '../../src/embedded-redis/server.ts'
import { atEnd } from './at-end.ts'
import { tempDir } from './temp.ts'

export interface TestRedis {
  readonly redis: Redis
  readonly url: string
  /** In every key of the test; letters and digits only. */
  readonly prefix: string
  /** Deletes the keys that contain the prefix, and disconnects. */
  close(): Promise<void>
}

/** A connection to the shared Redis and a prefix nobody else has. Closes itself at the end as well. */
export const testRedis = (): TestRedis => {
  const url = inject('redisUrl')
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  redis.on('error', () => {}) // Its commands wait; a test that cares listens itself.
  const prefix = `t${randomBytes(6).toString('hex')}`
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= sweep(redis, prefix).finally(() => redis.disconnect())
    return closed
  }
  atEnd(close)
  return { redis, url, prefix, close }
}

const sweep = async (redis: Redis, prefix: string): Promise<void> => {
  for await (const keys of redis.scanStream({ match: `*${prefix}*`, count: 2000 }))
    if (keys.length > 0) await redis.unlink(keys)
}

/** What `startRedis` starts; undefined where Redis comes from elsewhere. For `test.runIf(ownRedis)`. */
export const ownRedis = await findBinary()

export interface OwnRedisOptions {
  readonly port?: number
  /** Default: a temporary one, which outlives `kill`. */
  readonly dir?: string
  /** AOF with `everysec`. Default false. */
  readonly appendonly?: boolean
  /** Bytes. Default: no bound. */
  readonly maxmemory?: number
  /** More of the server's own arguments. */
  readonly args?: readonly string[]
}

export interface OwnRedis {
  readonly url: string
  readonly port: number
  pid(): number
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>
  /** Kills it if it runs, and starts it again: same port, same data folder. */
  restart(): Promise<void>
  /** CLIENT PAUSE: connections stay open, nothing is answered. */
  pause(ms: number): Promise<void>
  /** CONFIG SET. */
  configure(name: string, value: string): Promise<void>
  stop(): Promise<void>
}

/** A server for this test only. Ends with the test. */
export const startRedis = async (options: OwnRedisOptions = {}): Promise<OwnRedis> => {
  if (ownRedis === undefined) throw new Error('this test needs redis-server or valkey-server on PATH')
  const wanted = {
    command: ownRedis.command,
    folder: options.dir ?? (await tempDir()),
    keepFolder: true,
    appendOnly: options.appendonly ?? false,
    maxMemoryBytes: options.maxmemory ?? 0,
    args: options.args ?? [],
  }
  let server: RunningServer = await startServer(
    options.port === undefined ? wanted : { ...wanted, port: options.port },
  )
  const { url, port } = server
  const kill = async () => {
    try {
      process.kill(server.pid, 'SIGKILL')
    } catch {} // It is dead already.
    await server.ended
  }
  const restart = async () => {
    await kill()
    server = await startServer({ ...wanted, port })
  }
  const pause = (ms: number) => tell(url, redis => redis.client('PAUSE', ms))
  const configure = (name: string, value: string) => tell(url, redis => redis.config('SET', name, value))
  const stop = () => server.stop()
  atEnd(stop)
  return { url, port, pid: () => server.pid, kill, restart, pause, configure, stop }
}

const tell = async (url: string, what: (redis: Redis) => Promise<unknown>): Promise<void> => {
  const redis = new Redis(url, { enableReadyCheck: false })
  redis.on('error', () => {})
  await what(redis).finally(() => redis.disconnect())
}
