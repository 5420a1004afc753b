/** A worker of one queue: BullMQ's Worker with everything it leaves to its user (lease, error gate, dead workers, a stop with a deadline). */

import { type Job, Worker } from 'bullmq'
import type { Clock } from '../clock.ts'
import { recordId } from '../queues/identity.ts'
import type { QueueName } from '../queues/jobs.ts'
import { workerDied } from '../queues/reconcile.ts'
import type { Follower, Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import type { Attempt, Interruption } from './attempt.ts'
import type { Resources } from './context.ts'
import { createErrorGate, type ErrorGate } from './error-gate.ts'
import { type Leases, watchLeases } from './lease.ts'
import { delayAfter } from './outcome.ts'
import type { RunReport } from './report.ts'
import { requestOf } from './request.ts'
import { runJob } from './run.ts'

export interface WorkerParts {
  readonly redis: Connection
  readonly namespace: string
  readonly queue: QueueName
  readonly records: Records
  readonly resources: Resources
  readonly clock: Clock
  /** Jobs of this queue under way at once. */
  readonly concurrency: number
  /** Life of the lock on a running job, ms; a dead worker's jobs start again after this and two stall checks. */
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  readonly isRefusal: (error: unknown) => boolean
  /** Cuts the wait of other jobs short. Never rejects. */
  readonly wake: (jobs: readonly Follower[]) => void
  readonly hooks?: WorkerHooks
}

export interface WorkerHooks {
  readonly onEnd?: (report: RunReport) => void
  readonly onStalled?: (queue: QueueName, id: string) => void
  readonly onWorkerDied?: (queue: QueueName, id: string, name: string) => void
  readonly onGate?: (queue: QueueName, state: 'closed' | 'open', error?: unknown) => void
  readonly onError?: (queue: QueueName, error: Error) => void
}

export interface QueueWorker {
  readonly queue: QueueName
  ready(): Promise<void>
  interrupt(id: string, why: Interruption): void
  /** Ids of the jobs under way. */
  running(): readonly string[]
  taking(): Taking
  /** Take no more jobs, let running ones end for `graceMs`, then hand them back; never hangs longer than `graceMs` + 5 s. */
  stop(graceMs: number): Promise<void>
}

/** Whether a worker takes jobs. */
export interface Taking {
  /** Why it takes none, whatever waits. */
  readonly stoppedBy: 'stopping' | 'its loop has ended' | 'Redis takes no writes' | undefined
  /** Every slot has a job. */
  readonly isFull: boolean
  /** When it last took one, or was opened; monotonic ms. */
  readonly takenAtMs: number
}

/** The default of 1 fails a blameless job at its second worker death (reliability.md M11). */
const maxStalledCount = 5

/** What handing back and closing may take after the grace, ms; `close` never returns while Redis is away. */
const closingMs = 5_000

export function startWorker(parts: WorkerParts): QueueWorker {
  const { queue, clock, lockDurationMs, hooks = {} } = parts
  const running = new Map<string, Attempt>()
  let isStopping = false
  let takenAtMs = clock.monotonicMs()
  const stopped = new AbortController()
  const leases = watchLeases(
    lockDurationMs,
    id => running.get(id)?.interrupt('lease-lost'),
    clock,
    stopped.signal,
  )
  const gate = gateOf(parts, () => worker, stopped.signal)
  const run = {
    ...parts,
    running,
    isStopping: () => isStopping,
    persist: gate.persist,
    ...(hooks.onEnd && { onEnd: hooks.onEnd }),
  }
  const worker = openWorker(parts, (job, token, signal) => {
    takenAtMs = clock.monotonicMs()
    return leased(leases, recordId(queue, job.id ?? ''), () => runJob(run, job, token, signal))
  })
  listen(worker, parts, { leases, gate, running })
  return {
    queue,
    ready: () => worker.waitUntilReady(),
    interrupt: (id, why) => running.get(id)?.interrupt(why),
    running: () => [...running.keys()],
    taking: () => ({
      stoppedBy: stoppedBy(worker, gate),
      isFull: running.size >= parts.concurrency,
      takenAtMs,
    }),
    async stop(graceMs) {
      const closing = worker.close().catch(() => undefined)
      if (running.size > 0) await Promise.race([closing, clock.sleep(graceMs, stopped.signal)])
      isStopping = true
      for (const attempt of running.values()) attempt.interrupt('shutdown')
      await Promise.race([closing, clock.sleep(closingMs, stopped.signal)])
      stopped.abort()
    },
  }
}

function stoppedBy(worker: Worker, gate: ErrorGate): Taking['stoppedBy'] {
  if (worker.closing !== undefined) return 'stopping'
  if (gate.isClosed()) return 'Redis takes no writes'
  return worker.isRunning() ? undefined : 'its loop has ended'
}

type Run = (job: Job, token: string, signal: AbortSignal | undefined) => Promise<unknown>

function openWorker(
  { redis, namespace, queue, concurrency, lockDurationMs, stalledIntervalMs }: WorkerParts,
  run: Run,
): Worker {
  // BullMQ hands out its signal only to a function that declares exactly three parameters.
  return new Worker(queue, async (job, token, signal) => run(job, token ?? '', signal), {
    connection: redis,
    prefix: namespace,
    concurrency,
    lockDuration: lockDurationMs,
    stalledInterval: stalledIntervalMs,
    maxStalledCount,
    settings: {
      backoffStrategy: (attemptsMade, _type, error) => delayAfter(attemptsMade, error, Math.random),
    },
  })
}

const gateOf = (parts: WorkerParts, worker: () => Worker, signal: AbortSignal): ErrorGate =>
  createErrorGate({
    isRefusal: parts.isRefusal,
    probe: () => parts.redis.set(`${parts.namespace}:probe`, '1', 'PX', 1_000),
    pause: () => worker().pause(true),
    resume: () => worker().resume(),
    onChange: (state, error) => parts.hooks?.onGate?.(parts.queue, state, error),
    clock: parts.clock,
    signal,
  })

async function leased<T>(leases: Leases, id: string, work: () => Promise<T>): Promise<T> {
  const release = leases.hold(id)
  try {
    return await work()
  } finally {
    release()
  }
}

interface Listening {
  readonly leases: Leases
  readonly gate: ErrorGate
  readonly running: ReadonlyMap<string, Attempt>
}

function listen(
  worker: Worker,
  { queue, records, hooks = {} }: WorkerParts,
  { leases, gate, running }: Listening,
): void {
  const lost = (ids: readonly string[]): void => {
    for (const id of ids) running.get(recordId(queue, id))?.interrupt('lease-lost')
  }
  worker.on('error', error => {
    gate.see(error)
    hooks.onError?.(queue, error)
  })
  worker.on('locksRenewed', ({ jobIds }) => {
    for (const id of jobIds) leases.confirm(recordId(queue, id))
  })
  worker.on('lockRenewalFailed', lost)
  worker.on('stalled', id => hooks.onStalled?.(queue, id))
  worker.on('failed', job => {
    if (job?.finishedOn) buryIfOpen(records, job, hooks, queue).catch(error => hooks.onError?.(queue, error))
  })
}

/** Past the stall limit BullMQ fails a job without calling the processor; every other end is in the record by now. */
async function buryIfOpen(records: Records, job: Job, hooks: WorkerHooks, queue: QueueName): Promise<void> {
  const { id, fingerprint } = requestOf(job)
  const record = await records.read(id)
  // A conflict fails a job, too, and the record is another's then.
  if (record?.state !== 'running' || record.fingerprint !== fingerprint) return
  const settled = await records.settle(record, { as: 'failed', fault: workerDied().report() })
  if (settled.as === 'settled') hooks.onWorkerDied?.(queue, id, job.name)
}
