/** The composition root: with its parts (resources, limiting, chores, pages, report) the only place that knows everyone. */

import { mkdir } from 'node:fs/promises'
import { startChores } from './app/chores.ts'
import { closedSets } from './app/closed-sets.ts'
import { createHeard } from './app/heard.ts'
import { startKeepAlive } from './app/keep-alive.ts'
import { openLimits } from './app/limiting.ts'
import { openAdmin } from './app/pages.ts'
import { openPublic } from './app/public.ts'
import { createReadiness } from './app/readiness.ts'
import { hooksFor, limitHook, redisTrouble } from './app/report.ts'
import { openResources } from './app/resources.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { Fault } from './fault.ts'
import type { Logger } from './log.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { startAtZero } from './metrics/zero.ts'
import { namespaceOf } from './namespace.ts'
import type { Resources } from './processors/context.ts'
import { type QueueWorker, startWorker } from './processors/worker.ts'
import { type Admin, createAdmin } from './queues/admin.ts'
import { queueNames } from './queues/jobs.ts'
import { tellEnd } from './queues/notify.ts'
import { createRecords, endedChannel, type Follower, type Records } from './record/index.ts'
import type { Connection } from './redis/connection.ts'
import { connectSubscriber, connectWorker, demandPermissions, firstAnswer, isRefusal } from './redis.ts'

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
  /** Of the public listener, which is there when an app has a callback. */
  readonly publicUrl: string | undefined
  /** Take no more jobs, let running ones end within the grace, hand the rest back, close everything. */
  stop(): Promise<void>
}

/** How long to wait for Redis at the start, ms: containers start in any order. */
const redisPatienceMs = 15_000

/** Starts workers for every queue. Faults: `config` (no Redis, one that evicts keys, bad rules, no app, no folder). */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const closers: Close[] = []
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) await close()
  }
  try {
    const urls = await start(config, options, close => closers.push(close))
    return { ...urls, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Close = () => Promise<unknown> | unknown

/** What is opened last is closed first. */
async function start(
  config: Config,
  options: AppOptions,
  later: (close: Close) => void,
): Promise<Omit<App, 'stop'>> {
  const { log, redisUrl, listen = true } = options
  const shared = namespaceOf(config.baseUrl, config.prefix)
  const namespace = options.jobsNamespace ?? shared
  const { registry, metrics } = createMetrics()
  const onError = (connection: string) => (error: Error) => redisTrouble(log, metrics, connection, error)
  const redis = connectWorker(redisUrl, { name: 'wecom-media-worker', onError: onError('worker') })
  later(() => redis.disconnect())
  const subscriber = connectSubscriber(redisUrl, { name: 'wecom-media-ends', onError: onError('subscriber') })
  later(() => subscriber.disconnect())
  await firstAnswer(redis, redisPatienceMs)
  await demandPermissions({ redis, subscriber }, namespace)
  await usable(config.downloads)
  // Rejected, it is still owed, and the chore sees to it.
  const onOwed = (id: string) => void tellEnd({ records, admin }, id).catch(() => undefined)
  const records: Records = createRecords(redis, namespace, onOwed)
  // It shares the worker's connection, which has told already.
  const admin = createAdmin(redis, namespace, () => undefined)
  later(() => admin.close())
  const limits = await openLimits(config, { redis, namespace: shared, log, onEvent: limitHook(log, metrics) })
  const resources = openResources(config, { redis, namespace: shared, limits, records, metrics })
  later(() => resources.close())
  const workers: QueueWorker[] = []
  const readiness = createReadiness({ redis, admin, workers, clock: systemClock })
  // Open before the workers and closed after them, so that health can be asked while they start and stop.
  const heard = createHeard(redis, shared, systemClock)
  const looked = { metrics, redis, namespace, admin, limits, resources, heard }
  const pages = { ...looked, registry, workers, ready: readiness.ready, redisUrl, log }
  const server = listen ? await openAdmin(config, pages) : undefined
  later(() => server?.close())
  workers.push(...openWorkers(config, { redis, namespace, records, resources, admin }, log, metrics))
  later(() => Promise.all(workers.map(worker => worker.stop(config.graceMs))))
  await Promise.all(workers.map(worker => worker.ready()))
  await listenForCancels(subscriber, endedChannel(namespace), workers)
  later(startChores({ records, admin, downloads: config.downloads, log, metrics }))
  const { names } = resources
  later(startKeepAlive(config, { redis, namespace, records, admin, names, log, metrics }))
  const listener = listen
    ? await openPublic(config, { redisUrl, namespace, shared, log, metrics })
    : undefined
  if (listener) later(() => listener.close())
  readiness.begin()
  later(() => readiness.end())
  return { url: server?.url, publicUrl: listener?.url }
}

async function usable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(cause => {
    const { code } = cause as NodeJS.ErrnoException
    const message = `the downloads folder ${folder} can't be made (${code}): set WECOM_MEDIA_DOWNLOADS`
    throw new Fault('config', message, { cause })
  })
}

interface WorkerBasics {
  readonly admin: Admin
  readonly redis: Connection
  readonly namespace: string
  readonly records: Records
  readonly resources: Resources
}

function openWorkers(
  config: Config,
  { admin, ...basics }: WorkerBasics,
  log: Logger,
  metrics: Metrics,
): QueueWorker[] {
  const { concurrency, lockDurationMs, stalledIntervalMs } = config
  startAtZero(metrics, closedSets())
  const hooks = hooksFor(log, metrics)
  const times = { concurrency, lockDurationMs, stalledIntervalMs }
  const wake = (jobs: readonly Follower[]) => void wakeAll(admin, jobs)
  return queueNames.map(queue =>
    startWorker({ ...basics, ...times, queue, hooks, isRefusal, wake, clock: systemClock }),
  )
}

/** One that is not woken looks by itself. */
async function wakeAll(admin: Admin, jobs: readonly Follower[]): Promise<void> {
  for (const { queue, jobId } of jobs) await admin.wake(queue, jobId).catch(() => false)
}

/** A cancelled job may be running here. */
async function listenForCancels(
  subscriber: Connection,
  channel: string,
  workers: readonly QueueWorker[],
): Promise<void> {
  subscriber.on('message', (_channel: string, message: string) => {
    if (!message.endsWith(' cancelled')) return
    const id = message.slice(0, message.lastIndexOf(' '))
    for (const worker of workers) worker.interrupt(id, 'cancelled')
  })
  await subscriber.subscribe(channel)
}
