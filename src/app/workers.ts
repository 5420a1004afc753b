/** The workers of a process: one for each queue, and what goes with them: cancels that reach running jobs, and chores. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { removeBodiesOf } from '../files/bodies.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { startAtZero } from '../metrics/zero.ts'
import { type QueueWorker, startWorker, type WorkerHooks } from '../processors/worker.ts'
import type { Admin } from '../queues/admin.ts'
import { queueNames } from '../queues/jobs.ts'
import { endedChannel, type Follower, type Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { isRefusal } from '../redis.ts'
import { startChores } from './chores.ts'
import { closedSets } from './closed-sets.ts'
import { startKeepAlive } from './keep-alive.ts'
import { hooksFor } from './report.ts'
import type { OwnedResources } from './resources.ts'

export interface WorkerBasics {
  /** Hears of ends. */
  readonly subscriber: Connection
  readonly admin: Admin
  readonly redis: Connection
  /** Of jobs; and of what is one for the whole deployment. */
  readonly namespace: string
  readonly shared: string
  readonly records: Records
  readonly resources: OwnedResources
  readonly log: Logger
  readonly metrics: Metrics
  /** Filled, so that health can be asked while they start. */
  readonly workers: QueueWorker[]
}

type Close = () => Promise<unknown> | unknown

/** Resolves when every queue is consumed; what is to be closed is handed to `later`. */
export async function work(
  config: Config,
  parts: WorkerBasics,
  later: (close: Close) => void,
): Promise<void> {
  const { subscriber, namespace, records, admin, log, metrics, workers } = parts
  workers.push(...openWorkers(config, parts))
  let endBeat: Close = () => undefined
  // Together: with Redis away each of them takes all the time that it has.
  later(() => Promise.all([endBeat(), ...workers.map(worker => worker.stop(config.graceMs))]))
  await Promise.all(workers.map(worker => worker.ready()))
  await listenForCancels(subscriber, endedChannel(namespace), workers)
  later(startChores({ records, admin, downloads: config.downloads, spool: config.spool, log, metrics }))
  endBeat = startKeepAlive(config, { ...parts, names: parts.resources.names })
}

function openWorkers(config: Config, parts: WorkerBasics): QueueWorker[] {
  const { admin, redis, namespace, records, resources, log, metrics } = parts
  const { concurrency, lockDurationMs, stalledIntervalMs } = config
  startAtZero(metrics, closedSets())
  const corpOf = (app: string) => (Object.hasOwn(config.apps, app) ? config.apps[app]?.corpId : undefined)
  const hooks = withoutBodies(hooksFor(log, metrics, corpOf), config.spool)
  const basics = { redis, namespace, records, resources }
  const times = { concurrency, lockDurationMs, stalledIntervalMs }
  const wake = (jobs: readonly Follower[]) => void wakeAll(admin, jobs)
  return queueNames.map(queue =>
    startWorker({ ...basics, ...times, queue, hooks, isRefusal, wake, clock: systemClock }),
  )
}

/** A job with its result has no use for the body that it came with; most have none, and looking is dear. One that is left is swept. */
const withoutBodies = (hooks: WorkerHooks, spool: string): WorkerHooks => ({
  ...hooks,
  onEnd(report) {
    hooks.onEnd?.(report)
    if (report.outcome === 'done' && report.hasBody)
      void removeBodiesOf(spool, report.id).catch(() => undefined)
  },
})

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
