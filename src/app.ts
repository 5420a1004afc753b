/** The composition root: the only file that knows everyone. Makes one process that works on the queues. */

import { mkdir } from 'node:fs/promises'
import type { Redis } from 'ioredis'
import { startChores } from './chores.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { Fault } from './fault.ts'
import { type AdminServer, serveAdmin } from './http/admin.ts'
import { keepSecret, type Logger } from './log.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { depthObserver, observeCall, startAtZero } from './metrics/observe.ts'
import { namespaceOf } from './namespace.ts'
import type { Resources } from './processors/context.ts'
import { type QueueWorker, startWorker } from './processors/worker.ts'
import { type Admin, createAdmin } from './queues/admin.ts'
import { jobs, queueNames } from './queues/jobs.ts'
import { createRecords, endedChannel, type Records } from './record/index.ts'
import { connectSubscriber, connectWorker, firstAnswer, isRefusal } from './redis.ts'
import { hooksFor, redisTrouble } from './report.ts'
import { type Client, createClient, redisTokenStore } from './wecom/index.ts'

export interface AppOptions {
  readonly redisUrl: string
  readonly log: Logger
  /** Where jobs and records live. Default: the deployment's; a private one for jobs that must run in this very process. */
  readonly jobsNamespace?: string
  /** Whether to listen for /metrics and health. Default true. */
  readonly listen?: boolean
}

export interface App {
  /** Of the admin listener. */
  readonly url: string | undefined
  /** Take no more jobs, let running ones end within the grace, hand the rest back, close everything. */
  stop(): Promise<void>
}

/** How long to wait for Redis at the start, ms: containers start in any order. */
const redisPatienceMs = 15_000

/** Starts workers for every queue. Faults: `config` (no Redis, no app, no folder). */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log, redisUrl, listen = true } = options
  const shared = namespaceOf(config.baseUrl, config.prefix)
  const namespace = options.jobsNamespace ?? shared
  const { registry, metrics } = createMetrics()
  const onError = (connection: string) => (error: Error) => redisTrouble(log, metrics, connection, error)
  const redis = connectWorker(redisUrl, { name: 'wecom-media-worker', onError: onError('worker') })
  const subscriber = connectSubscriber(redisUrl, { name: 'wecom-media-ends', onError: onError('subscriber') })
  const closers: (() => Promise<unknown>)[] = [
    async () => redis.disconnect(),
    async () => subscriber.disconnect(),
  ]
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) await close()
  }
  try {
    await firstAnswer(redis, redisPatienceMs)
    await usable(config.downloads)
    const records = createRecords(redis, namespace)
    const admin = createAdmin(redis, namespace, onError('admin'))
    closers.push(() => admin.close())
    const clients = openClients(config, redis, shared, metrics)
    closers.push(() => Promise.all([...clients.values()].map(client => client.close())))
    const resources = resourcesOf(config, clients)
    const workers = openWorkers({ config, redis, namespace, records, resources, log, metrics })
    closers.push(() => Promise.all(workers.map(worker => worker.stop(config.graceMs))))
    await Promise.all(workers.map(worker => worker.ready()))
    await listenForCancels(subscriber, endedChannel(namespace), workers)
    closers.push(startChores({ records, admin, downloads: config.downloads, log, metrics }))
    const server = listen ? await openAdmin(config, { registry, metrics, admin, workers, redis }) : undefined
    if (server) closers.push(() => server.close())
    return { url: server?.url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function usable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(cause => {
    const code = (cause as NodeJS.ErrnoException).code
    throw new Fault(
      'config',
      `the downloads folder ${folder} can't be made (${code}): set WECOM_MEDIA_DOWNLOADS`,
      { cause },
    )
  })
}

function openClients(config: Config, redis: Redis, namespace: string, metrics: Metrics): Map<string, Client> {
  const tokens = redisTokenStore({ redis, prefix: namespace })
  // Every job under way may speak: none waits for a connection with a file open and a lock running.
  const connections = config.concurrency * queueNames.length
  return new Map(
    Object.entries(config.apps).map(([app, { corpId, secret }]) => {
      keepSecret(secret)
      const onCall: NonNullable<Parameters<typeof createClient>[0]['onCall']> = event =>
        observeCall(metrics, event)
      return [
        app,
        createClient({ app, corpId, secret, baseUrl: config.baseUrl, tokens, connections, onCall }),
      ]
    }),
  )
}

const resourcesOf = (config: Config, clients: ReadonlyMap<string, Client>): Resources => ({
  client(app) {
    const client = clients.get(app)
    if (client) return client
    throw new Fault(
      'config',
      `no app is called "${app}" here: this worker knows ${[...clients.keys()].join(', ')}`,
    )
  },
  roots: config.roots ?? [],
  downloads: config.downloads,
  download: {
    sliceBytes: config.sliceBytes,
    parallel: config.parallelSlices,
    maxBytes: config.maxDownloadBytes,
  },
})

interface Parts {
  readonly config: Config
  readonly redis: Redis
  readonly namespace: string
  readonly records: Records
  readonly resources: Resources
  readonly log: Logger
  readonly metrics: Metrics
}

function openWorkers({ config, metrics, log, ...parts }: Parts): QueueWorker[] {
  const { concurrency, lockDurationMs, stalledIntervalMs } = config
  startAtZero(metrics, Object.keys(jobs), queueNames)
  const hooks = hooksFor(log, metrics)
  const common = {
    ...parts,
    concurrency,
    lockDurationMs,
    stalledIntervalMs,
    hooks,
    isRefusal,
    clock: systemClock,
  }
  return queueNames.map(queue => startWorker({ ...common, queue }))
}

/** A cancelled job may be running here. */
async function listenForCancels(
  subscriber: Redis,
  channel: string,
  workers: readonly QueueWorker[],
): Promise<void> {
  subscriber.on('message', (_channel: string, message: string) => {
    const [id, state] = message.split(' ')
    if (id && state === 'cancelled') for (const worker of workers) worker.interrupt(id, 'cancelled')
  })
  await subscriber.subscribe(channel)
}

interface AdminParts {
  readonly registry: { metrics(): Promise<string>; readonly contentType: string }
  readonly metrics: Metrics
  readonly admin: Admin
  readonly workers: readonly QueueWorker[]
  readonly redis: Redis
}

function openAdmin({ admin: address }: Config, parts: AdminParts): Promise<AdminServer> {
  const { registry, metrics, admin, workers, redis } = parts
  const lookAtDepth = depthObserver(metrics, () => admin.depths(), systemClock.monotonicMs)
  return serveAdmin(address, {
    async metrics() {
      await lookAtDepth()
      for (const { queue, running } of workers)
        metrics.wecom_media_jobs_running.set({ queue }, running().length)
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
    async ready() {
      const ok = redis.status === 'ready'
      return { ok, text: ok ? 'ready' : `Redis: ${redis.status}` }
    },
  })
}
