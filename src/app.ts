/** The composition root: with its parts (resources, limiting, chores, pages, report) the only place that knows everyone. */

import { mkdir } from 'node:fs/promises'
import { createHeard } from './app/heard.ts'
import { openLimits } from './app/limiting.ts'
import { openAdmin } from './app/pages.ts'
import { createReadiness } from './app/readiness.ts'
import { redisTrouble } from './app/redis-trouble.ts'
import { limitHook } from './app/report.ts'
import { openResources } from './app/resources.ts'
import { work } from './app/workers.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { Fault } from './fault.ts'
import type { Logger } from './log.ts'
import { createMetrics } from './metrics/metrics.ts'
import { namespaceOf } from './namespace.ts'
import type { QueueWorker } from './processors/worker.ts'
import { createAdmin } from './queues/admin.ts'
import { tellEnd } from './queues/notify.ts'
import { createRecords, type Records } from './record/index.ts'
import { connectSubscriber, connectWorker, demandPermissions, firstAnswer } from './redis.ts'

export interface AppOptions {
  readonly redisUrl: string
  readonly log: Logger
  /** Where jobs and records live. Default: the deployment's; a private one for jobs that must run in this very process. */
  readonly jobsNamespace?: string
  /** Whether to listen for /metrics and health. Default true. */
  readonly listen?: boolean
  /** Only the public listener, or only workers; the admin listener is there with both. Default: everything. */
  readonly only?: 'http' | 'workers'
}

export interface App {
  /** Of the admin listener. */
  readonly url: string | undefined
  /** Of the public listener, which is there with tokens, and when an app has a callback. */
  readonly publicUrl: string | undefined
  /** Take no more jobs, let running ones end within the grace, hand the rest back, close everything. */
  stop(): Promise<void>
}

/** How long to wait for Redis at the start, ms: containers start in any order. */
const redisPatienceMs = 15_000

/** Starts workers for every queue, and what listens. Faults: `config` (no Redis, one that evicts keys, bad rules, no app, no folder, nothing to listen for). */
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
  const { log, redisUrl, listen = true, only } = options
  const shared = namespaceOf(config.baseUrl, config.prefix)
  const namespace = options.jobsNamespace ?? shared
  const { registry, metrics } = createMetrics()
  const onError = (connection: string) => redisTrouble({ log, metrics, clock: systemClock }, connection)
  const redis = connectWorker(redisUrl, { name: 'wecom-media-worker', onError: onError('worker') })
  later(() => redis.disconnect())
  const subscriber = connectSubscriber(redisUrl, { name: 'wecom-media-ends', onError: onError('subscriber') })
  later(() => subscriber.disconnect())
  await firstAnswer(redis, redisPatienceMs)
  await demandPermissions({ redis, subscriber }, namespace)
  await usable(config.downloads)
  if (config.tokens.length > 0 && only !== 'workers') await usable(config.spool)
  // Rejected, it is still owed, and the chore sees to it.
  const onOwed = (id: string) => void tellEnd({ records, admin }, id).catch(() => undefined)
  const records: Records = createRecords(redis, namespace, onOwed)
  // It shares the worker's connection, which has told already.
  const admin = createAdmin(redis, namespace, () => undefined)
  later(() => admin.close())
  const limits = await openLimits(config, { redis, namespace: shared, log, onEvent: limitHook(log, metrics) })
  const resources = openResources(config, { redis, namespace: shared, limits, records, metrics, log })
  later(() => resources.close())
  const workers: QueueWorker[] = []
  const readiness = createReadiness({ redis, namespace, admin, workers, clock: systemClock })
  // Open before the workers and closed after them, so that health can be asked while they start and stop.
  const heard = createHeard(redis, shared, systemClock)
  const looked = { metrics, redis, namespace, admin, limits, resources, heard }
  const pages = { ...looked, registry, workers, ready: readiness.ready, redisUrl, log }
  const server = listen ? await openAdmin(config, pages) : undefined
  later(() => server?.close())
  const basics = { redis, subscriber, namespace, shared, records, resources, admin, log, metrics, workers }
  if (only !== 'http') await work(config, basics, later)
  const isPublic = listen && only !== 'workers'
  const parts = { redisUrl, namespace, shared, log, metrics, rules: limits.store.rules }
  // What listens is loaded where something may: a worker without it starts sooner, and is smaller.
  const listener = isPublic ? await (await import('./app/public.ts')).openPublic(config, parts) : undefined
  if (only === 'http' && !listener) throw nothingToServe()
  if (listener) later(() => listener.close())
  readiness.begin()
  later(() => readiness.end())
  return { url: server?.url, publicUrl: listener?.url }
}

const nothingToServe = (): Fault =>
  new Fault(
    'config',
    'nobody may ask anything over HTTP: set WECOM_MEDIA_TOKENS (`wecom-media token` makes one), or the keys of a callback',
  )

async function usable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(cause => {
    const { code } = cause as NodeJS.ErrnoException
    const message = `the folder ${folder} can't be made (${code}): set WECOM_MEDIA_DOWNLOADS or WECOM_MEDIA_FILES`
    throw new Fault('config', message, { cause })
  })
}
