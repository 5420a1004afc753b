/** A whole deployment for one test: simulator, Redis namespace, folders, producer, and workers in this process or as real ones. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { type App, type AppOptions, startApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { createProducer, type Producer } from '../../src/index.ts'
import { createLog } from '../../src/log.ts'
import { namespaceOf } from '../../src/namespace.ts'
import { createRecords, type Records } from '../../src/record/index.ts'
import { Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { atEnd } from './at-end.ts'
import { freePort } from './free-port.ts'
import { type NodeProcess, startNode } from './processes.ts'
import { testRedis } from './redis.ts'
import { tempDir } from './temp.ts'

/** Locks as short as a noisy machine bears: a dead worker's job starts again after lock + two looks. */
export const lockMs = 2_000
export const stalledMs = 500

export interface Deployment {
  readonly simulator: Simulator
  readonly redis: Redis
  readonly namespace: string
  readonly records: Records
  readonly producer: Producer
  /** Where this deployment is called back, if it is. */
  readonly callbackUrl: string
  /** The one root; `put` writes into it. */
  readonly root: string
  readonly downloads: string
  readonly config: Config
  put(name: string, content: string | Buffer): Promise<string>
  /** Workers in this process; with callbacks they listen for them. */
  startHere(config?: Partial<Config>, only?: AppOptions['only']): Promise<App>
  /** A worker of its own process, ready. `env` is added to its settings; REDIS_URL may lead through a proxy. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<NodeProcess>
}

export interface DeploymentOptions {
  /** Default: a corner of the shared Redis. */
  readonly redisUrl?: string
  readonly lockMs?: number
  /** The app is called back: one process at a time can listen, see `silent`. */
  readonly callback?: boolean
  /** Rows of the tokens file: the HTTP API listens. */
  readonly tokens?: readonly object[]
  /** Of the simulator. */
  readonly switches?: SimulatorOptions['switches']
  /** Settings of all workers, besides ours. */
  readonly env?: Readonly<Record<string, string>>
}

/** Of the app's callback; for tests that send their own. */
export const callbackKeys = { token: 'TestToken01', aesKey: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA' }

/** For a worker beside one that listens for callbacks already. */
export const silent = { WECOM_CALLBACK_TOKEN: '', WECOM_CALLBACK_AES_KEY: '' }

export const account = { corpId: 'ww_test_corp', secret: 'test-secret-of-no-value' }

export async function deploy(options: DeploymentOptions = {}): Promise<Deployment> {
  const shared = testRedis()
  const { redis, prefix } = shared
  const redisUrl = options.redisUrl ?? shared.url
  const port = options.callback ? await freePort() : 0
  const callback = { ...callbackKeys, url: `http://127.0.0.1:${port}/callback/default` }
  const { switches = {} } = options
  const simulator = await new Simulator({
    apps: [options.callback ? { ...account, callback } : account],
    switches: { callbackRetryGapMs: 100, ...switches },
  }).start()
  atEnd(() => simulator.stop())
  const [root, downloads] = [await tempDir(), await tempDir()]
  const namespace = namespaceOf(simulator.baseUrl, prefix)
  const producer = createProducer({ redis: redisUrl, baseUrl: simulator.baseUrl, prefix })
  atEnd(() => producer.close())
  const env = {
    REDIS_URL: redisUrl,
    WECOM_BASE_URL: simulator.baseUrl,
    WECOM_CORP_ID: account.corpId,
    WECOM_CORP_SECRET: account.secret,
    WECOM_MEDIA_PREFIX: prefix,
    WECOM_MEDIA_ROOTS: root,
    WECOM_MEDIA_DOWNLOADS: downloads,
    WECOM_MEDIA_LOCK_MS: String(options.lockMs ?? lockMs),
    WECOM_MEDIA_STALLED_MS: String(stalledMs),
    WECOM_MEDIA_GRACE_MS: '2000',
    WECOM_MEDIA_ADMIN_PORT: '0',
    LOG_LEVEL: 'info',
    ...(options.callback && {
      WECOM_CALLBACK_TOKEN: callbackKeys.token,
      WECOM_CALLBACK_AES_KEY: callbackKeys.aesKey,
      WECOM_MEDIA_PORT: String(port),
    }),
    ...(options.tokens && { WECOM_MEDIA_TOKENS: await tokensFile(options.tokens) }),
    ...(options.tokens && !options.callback && { WECOM_MEDIA_PORT: '0' }),
    ...options.env,
  }
  const config = readConfig(env)
  return {
    simulator,
    redis,
    namespace,
    records: createRecords(redis, namespace),
    producer,
    callbackUrl: callback.url,
    root,
    downloads,
    config,
    async put(name, content) {
      const path = join(root, name)
      await writeFile(path, content)
      return path
    },
    async startHere(changes = {}, only) {
      const log = createLog('silent')
      const app = await startApp(
        { ...config, ...changes },
        { redisUrl, log, listen: options.callback ?? options.tokens !== undefined, ...(only && { only }) },
      )
      atEnd(() => app.stop())
      return app
    },
    async startWorker(more = {}) {
      const worker = startNode(join(import.meta.dirname, '../fixtures/worker.ts'), {
        env: { ...env, ...more },
      })
      // Four of them may start at once, on a machine that is busy with others.
      await worker.line(60_000)
      return worker
    },
  }
}

async function tokensFile(tokens: readonly object[]): Promise<string> {
  const path = join(await tempDir(), 'tokens.json')
  await writeFile(path, JSON.stringify({ tokens }))
  return path
}

/** The bytes of a finished download. */
export const bytesOf = ({ path }: { readonly path: string }): Promise<Buffer> => readFile(path)
