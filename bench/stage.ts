/** What every line needs: a Redis of its own, the stub platform, a folder of files, and the two sides over them. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { findRedis } from '../src/embedded-redis.ts'
import { createProducer, type Producer } from '../src/index.ts'
import { namespaceOf } from '../src/namespace.ts'
import { type Child, startChild } from './children.ts'

export interface Stage {
  readonly redis: Redis
  readonly stub: Child
  readonly baseUrl: string
  readonly folder: string
  readonly producer: Producer
  /** Our queue of uploads, to hold and let go: the same way for both sides. */
  readonly ourQueue: Queue
  readonly bareQueue: Queue
  startOurs(env?: Env, execArgv?: readonly string[]): Promise<Child>
  startBare(env?: Env, execArgv?: readonly string[]): Promise<Child>
  /** Our client in a process of its own, without queue and Redis. */
  startClient(): Promise<Child>
  /** Of our workers. */
  readonly env: Env
  /** Writes `count` files of other bytes each; answers how to name them. */
  files(count: number, sizeBytes: number): Promise<(index: number) => string>
  stop(): Promise<void>
}

type Env = Readonly<Record<string, string>>

/** Rules stay in force, but never bind: each call is asked for as in production. */
export const limitsNotBinding = JSON.stringify({
  all: {
    rates: {
      minute: { amount: 50_000_000 },
      hour: { amount: 500_000_000 },
      'ip-minute': { amount: 50_000_000 },
      'ip-hour': { amount: 500_000_000 },
    },
  },
})

export async function openStage(): Promise<Stage> {
  const found = await findRedis({ say: line => process.stderr.write(`${line}\n`) })
  const redis = new Redis(found.url, { maxRetriesPerRequest: null })
  const folder = await mkdtemp(join(tmpdir(), 'wecom-media-bench-'))
  const stub = await startChild('stub.ts')
  const baseUrl = await stub.ask<string>('url')
  const env = {
    REDIS_URL: found.url,
    WECOM_BASE_URL: baseUrl,
    WECOM_CORP_ID: 'ww_bench',
    WECOM_CORP_SECRET: 'bench-secret-of-no-value',
    WECOM_MEDIA_ROOTS: folder,
    WECOM_MEDIA_DOWNLOADS: join(folder, 'downloads'),
    WECOM_MEDIA_LIMITS: limitsNotBinding,
    LOG_LEVEL: 'error',
  }
  const producer = createProducer({ redis, baseUrl })
  const connection = redis
  const ourQueue = new Queue('upload', { connection, prefix: namespaceOf(baseUrl) })
  const bareQueue = new Queue('bare', { connection })
  const children: Child[] = []
  const started = async (script: string, more: Env = {}, execArgv: readonly string[] = []) => {
    const child = await startChild(script, { ...env, ...more }, execArgv)
    children.push(child)
    return child
  }
  return {
    ...{ env, redis, stub, baseUrl, folder, producer, ourQueue, bareQueue },
    startOurs: (more, execArgv) => started('ours-worker.ts', more, execArgv),
    startBare: (more, execArgv) => started('bare-worker.ts', more, execArgv),
    startClient: () => started('client-child.ts'),
    files: (count, sizeBytes) => writeFiles(join(folder, `${count}x${sizeBytes}`), count, sizeBytes),
    async stop() {
      await Promise.all(children.map(child => child.stop()))
      await stub.stop()
      await producer.close()
      await ourQueue.close()
      await bareQueue.close()
      redis.disconnect()
      await found.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function writeFiles(
  folder: string,
  count: number,
  sizeBytes: number,
): Promise<(index: number) => string> {
  await mkdir(folder, { recursive: true })
  const pathOf = (index: number) => join(folder, `${index}.bin`)
  const bytes = Buffer.alloc(sizeBytes, 'wecom-media bench, ')
  for (let index = 0; index < count; index += 1) {
    bytes.write(String(index).padStart(12, '0'))
    await writeFile(pathOf(index), bytes)
  }
  return pathOf
}

/** Calls `work` for each number, so many at a time. */
export async function each(
  count: number,
  parallel: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const runner = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, runner))
}

/** Calls of each command since Redis was asked to forget them, and the CPU time of Redis, ms. */
export async function redisWork(
  redis: Redis,
): Promise<{ readonly calls: Record<string, number>; readonly cpuMs: number }> {
  const [stats, cpu] = [await redis.info('commandstats'), await redis.info('cpu')]
  const calls = Object.fromEntries(
    [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = '', count]) => [
      name,
      Number(count),
    ]),
  )
  const seconds = [...cpu.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)].map(([, value]) => Number(value))
  return { calls, cpuMs: seconds.reduce((sum, value) => sum + value, 0) * 1_000 }
}
