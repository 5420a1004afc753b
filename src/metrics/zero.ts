/**
 * Counters that alerts take the rate of start at 0 for labels from closed sets, so that the first failure is seen as a
 * rise and not as a series that was always there.
 */

import type { Metrics } from './metrics.ts'

export interface ClosedSets {
  /** Name -> queue. */
  readonly jobs: Readonly<Record<string, string>>
  readonly queues: readonly string[]
  /** Of the platform. */
  readonly methods: readonly string[]
  /** Those of them that have limits. */
  readonly gatedMethods: readonly string[]
  /** Kinds of faults that end a job, lead to another attempt, or to a wait. */
  readonly kinds: Readonly<Record<'failed' | 'retry' | 'wait', readonly string[]>>
  readonly repairs: readonly string[]
}

/** Codes that alerts look for; others appear when they come. */
const watchedCodes = ['0', 'none', 'other', '-1', '40001', '40014', '42001', '45009', '45033', '60020']

export function startAtZero(metrics: Metrics, sets: ClosedSets): void {
  startJobs(metrics, sets)
  startCalls(metrics, sets.methods)
  startLimits(metrics, sets.gatedMethods)
  for (const queue of sets.queues) {
    metrics.wecom_media_jobs_stalled_total.inc({ queue }, 0)
    metrics.wecom_media_gate_closed.set({ queue }, 0)
  }
  for (const outcome of ['delivered', 'retry', 'failed', 'gone', 'refused'])
    metrics.wecom_media_webhooks_total.inc({ outcome }, 0)
  for (const outcome of ['renewed', 'reused', 'failed'])
    metrics.wecom_media_keep_alive_renewals_total.inc({ outcome }, 0)
  for (const repair of sets.repairs) metrics.wecom_media_jobs_repaired_total.inc({ repair }, 0)
  for (const subject of ['media', 'image'])
    for (const found of ['hit', 'lead', 'follow']) metrics.wecom_media_ledger_total.inc({ subject, found }, 0)
}

/** Where the HTTP API is served: what counts as its own failures. */
export function startApi(metrics: Metrics, operations: readonly string[]): void {
  for (const operation of operations)
    for (const status of ['500', '503']) metrics.wecom_media_api_requests_total.inc({ operation, status }, 0)
}

/** Where callbacks are listened for: the events that must be written down. */
export function startCallbacks(metrics: Metrics, parties: readonly string[]): void {
  const how = { outcome: 'failed', reason: 'none' }
  for (const party of parties)
    for (const event of ['job-finished', 'suite-ticket', 'media'])
      metrics.wecom_media_callbacks_total.inc({ party, event, ...how }, 0)
}

const ends = ['done', 'duplicate', 'handed-back', 'lease-lost']

function startJobs({ wecom_media_jobs_total: total }: Metrics, { jobs, kinds }: ClosedSets): void {
  for (const [job_name, queue] of Object.entries(jobs)) {
    for (const outcome of ends) total.inc({ queue, job_name, outcome, kind: 'none' }, 0)
    for (const [outcome, those] of Object.entries(kinds))
      for (const kind of those) total.inc({ queue, job_name, outcome, kind }, 0)
  }
}

function startCalls(metrics: Metrics, methods: readonly string[]): void {
  for (const method of methods) {
    for (const errcode of watchedCodes) metrics.wecom_media_calls_total.inc({ method, errcode }, 0)
    for (const direction of ['sent', 'received'])
      metrics.wecom_media_bytes_total.inc({ method, direction }, 0)
    metrics.wecom_media_calls_unknown_code_total.inc({ method }, 0)
    if (!/token$/.test(method)) continue
    for (const outcome of ['done', 'refused', 'failed'])
      metrics.wecom_media_token_refreshes_total.inc({ method, outcome }, 0)
  }
}

function startLimits(metrics: Metrics, methods: readonly string[]): void {
  for (const method of methods) {
    for (const booked of ['true', 'false']) metrics.wecom_media_limit_grants_total.inc({ method, booked }, 0)
    for (const why of ['booked', 'beyond', 'shared', 'crowded'])
      metrics.wecom_media_limit_waits_total.inc({ method, why }, 0)
    for (const errcode of ['45009', '45033'])
      metrics.wecom_media_limit_penalties_total.inc({ method, errcode }, 0)
  }
  for (const what of ['memory-lost', 'not-recorded', 'quota', 'quota-blocked'])
    metrics.wecom_media_limit_trouble_total.inc({ what }, 0)
}
