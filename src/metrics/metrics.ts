/** TABLE of metrics: name -> type, help, labels. Seconds, bytes, totals; labels from closed sets only, never an id, a name or a URL. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** From a few milliseconds to half an hour: an upload of 4 KB and a download of 200 MB on a slow line. */
const transferBuckets = [0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]
const callBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const waitBuckets = [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400]

const counter = <L extends string>(help: string, labelNames: readonly L[]) =>
  ({ type: 'counter', help, labelNames }) as const
const gauge = <L extends string>(help: string, labelNames: readonly L[]) =>
  ({ type: 'gauge', help, labelNames }) as const
const histogram = <L extends string>(help: string, labelNames: readonly L[], buckets: number[]) =>
  ({ type: 'histogram', help, labelNames, buckets }) as const

export const metricsTable = {
  wecom_media_jobs_total: counter(
    'Attempts by how they ended: done, wait, retry, failed, …; kind of fault or "none".',
    ['queue', 'job_name', 'outcome', 'kind'],
  ),
  wecom_media_job_duration_seconds: histogram(
    'One attempt, from claim to outcome.',
    ['job_name', 'outcome'],
    transferBuckets,
  ),
  wecom_media_job_wait_seconds: histogram(
    'From being queued to the start of the first attempt.',
    ['job_name'],
    waitBuckets,
  ),
  wecom_media_job_age_seconds: histogram(
    'From being queued to the end of the job, its waits and retries included.',
    ['job_name', 'outcome'],
    waitBuckets,
  ),
  wecom_media_jobs_running: gauge('Attempts under way in this process.', ['queue']),
  wecom_media_jobs_stalled_total: counter('Jobs taken from a worker that stopped renewing its lock.', [
    'queue',
  ]),
  wecom_media_jobs_repaired_total: counter('What the reconciler did to open records.', ['repair']),
  wecom_media_calls_total: counter(
    'Calls to the platform; errcode 0 for success, "none" without an answer, "other" for codes our table lacks.',
    ['method', 'errcode'],
  ),
  wecom_media_call_duration_seconds: histogram(
    'From the first byte of the request to the head of the answer.',
    ['method'],
    callBuckets,
  ),
  wecom_media_calls_unknown_code_total: counter('Answers with an errcode that our table lacks.', ['method']),
  wecom_media_bytes_total: counter('Bytes of bodies to (sent) and from (received) the platform.', [
    'method',
    'direction',
  ]),
  wecom_media_token_refreshes_total: counter(
    'Calls for a token by how they ended: done, refused (by the platform), failed (no readable answer).',
    ['method', 'outcome'],
  ),
  wecom_media_ledger_total: counter(
    'Looks into the ledger by what they found: hit (nothing was uploaded), lead, follow (another job is at it).',
    ['subject', 'found'],
  ),
  wecom_media_keep_alive_renewals_total: counter(
    'Renewals of media_ids that are kept alive: renewed, reused (another job had uploaded the bytes), failed.',
    ['outcome'],
  ),
  wecom_media_keep_alive_media: gauge(
    'Names that are kept alive, as Redis has them: new, fresh, ageing, failing, dead, ended. Aggregate with max.',
    ['state'],
  ),
  wecom_media_keep_alive_soonest_end_seconds: gauge(
    'Until the first media_id whose renewal is due or fails dies; 0 when one is dead, +Inf when none is due. Aggregate with min.',
    [],
  ),
  wecom_media_callbacks_total: counter(
    'Callbacks by what they were about, how they ended, and why they were refused ("none" otherwise).',
    ['party', 'event', 'outcome', 'reason'],
  ),
  wecom_media_callback_duration_seconds: histogram(
    'From the head of a callback to its answer; the platform gives up after 5 s.',
    ['outcome'],
    callBuckets,
  ),
  wecom_media_callback_last_timestamp_seconds: gauge(
    'When the last callback was accepted, or the party was first listened for: aggregate with max.',
    ['party', 'kind'],
  ),
  wecom_media_api_requests_total: counter(
    'Requests to the HTTP API; operation as the OpenAPI document names it, "none" for a path that is none.',
    ['operation', 'status'],
  ),
  wecom_media_api_duration_seconds: histogram(
    'From the head of a request to the end of its answer.',
    ['operation'],
    callBuckets,
  ),
  wecom_media_webhooks_total: counter(
    'Attempts to tell a webhook of the end of a job: delivered, retry, failed (the last attempt), gone (HTTP 410), refused (by our settings).',
    ['outcome'],
  ),
  wecom_media_webhook_duration_seconds: histogram(
    'One such attempt, from the connection to the answer.',
    ['outcome'],
    callBuckets,
  ),
  wecom_media_limit_grants_total: counter(
    'Calls that may leave; booked: the job had come back to its own grant.',
    ['method', 'booked'],
  ),
  wecom_media_limit_waits_total: counter(
    'Calls that were put off: booked, beyond the horizon, shared address, crowded.',
    ['method', 'why'],
  ),
  wecom_media_limit_wait_seconds: histogram('How long a call was put off for.', ['method'], waitBuckets),
  wecom_media_limit_voids_total: counter(
    'Grants and bookings that could not be used: too late, or a penalty came between.',
    ['method', 'why'],
  ),
  wecom_media_limit_penalties_total: counter(
    'Refusals of the platform for calling too often (45009) or too many at once (45033).',
    ['method', 'errcode'],
  ),
  wecom_media_limit_trouble_total: counter(
    'What an operator must know of limits: memory-lost (of Redis), not-recorded, quota (used up), quota-blocked.',
    ['what'],
  ),
  wecom_media_limit_closed_seconds: gauge(
    'Until calls of this company and method may go again; 0 while they may.',
    ['corp', 'method'],
  ),
  wecom_media_limit_rate_share: gauge('Of the configured rate, lowered after penalties; 1 is all of it.', [
    'corp',
    'method',
  ]),
  wecom_media_limit_waiting: gauge(
    'Calls that wait for a limit: booked ahead, or further back in line; aggregate with max.',
    ['corp', 'method', 'where'],
  ),
  wecom_media_limit_under_way: gauge('Calls under way of all workers, as Redis has them.', [
    'corp',
    'method',
  ]),
  wecom_media_quota_units: gauge('Units of a quota, used and left in its period.', [
    'corp',
    'method',
    'rule',
    'state',
  ]),
  wecom_media_apps_closed: gauge(
    '1 while the platform refuses the app (wrong secret, address not trusted) and its jobs wait; errcode says why.',
    ['app', 'errcode'],
  ),
  wecom_media_queue_jobs: gauge(
    'Depth of the queues as Redis has it: aggregate over replicas with max, not sum.',
    ['queue', 'state'],
  ),
  wecom_media_queue_oldest_seconds: gauge(
    'Age of the oldest job: waiting (could run), overdue (delayed, should have woken), active, failed; 0 without one.',
    ['queue', 'state'],
  ),
  wecom_media_queue_paused: gauge('1 while the queue is paused for all workers.', ['queue']),
  wecom_media_workers_connected: gauge('Workers of the queue that are connected to Redis.', ['queue']),
  wecom_media_redis_up: gauge('1 when the last look at Redis got an answer.', []),
  wecom_media_redis_latency_seconds: gauge('One small read, measured with the last look.', []),
  wecom_media_redis_memory_used_bytes: gauge('Memory that Redis uses.', []),
  wecom_media_redis_memory_max_bytes: gauge('Its maxmemory; 0 without a bound.', []),
  wecom_media_redis_persistence: gauge(
    'aof: 1 while it is on and its last write went well; rdb: 1 while the last save did.',
    ['kind'],
  ),
  wecom_media_redis_errors_total: counter('Errors on connections to Redis.', ['connection']),
  wecom_media_disk_free_bytes: gauge('Free for us on the disk of the folder.', ['folder']),
  wecom_media_disk_size_bytes: gauge('Of the disk of the folder.', ['folder']),
  wecom_media_look_failures_total: counter(
    'Looks taken for this page that failed or took too long; their gauges are missing meanwhile.',
    ['look'],
  ),
  wecom_media_gate_closed: gauge(
    '1 while Redis refuses writes (memory, disk, read-only) and no jobs are taken.',
    ['queue'],
  ),
  wecom_media_build_info: gauge('Always 1.', ['version', 'node']),
} as const

type Table = typeof metricsTable
type Instrument<M> = M extends { type: 'counter'; labelNames: readonly (infer L extends string)[] }
  ? Counter<L>
  : M extends { type: 'gauge'; labelNames: readonly (infer L extends string)[] }
    ? Gauge<L>
    : M extends { type: 'histogram'; labelNames: readonly (infer L extends string)[] }
      ? Histogram<L>
      : never

export type Metrics = { readonly [K in keyof Table]: Instrument<Table[K]> }

/** A registry of its own: prom-client's global one breaks a process that has two of us. */
export function createMetrics(): { readonly registry: Registry; readonly metrics: Metrics } {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // Gauges with the name of a counter, which linters refuse; the same stand there by type.
  for (const what of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${what}_total`)
  const entries = Object.entries(metricsTable).map(([name, row]) => [name, instrument(name, row, registry)])
  return { registry, metrics: Object.fromEntries(entries) }
}

function instrument(name: string, row: Table[keyof Table], registry: Registry): Counter | Gauge | Histogram {
  const common = { name, help: row.help, labelNames: [...row.labelNames], registers: [registry] }
  if (row.type === 'counter') return new Counter(common)
  if (row.type === 'gauge') return new Gauge(common)
  return new Histogram({ ...common, buckets: row.buckets })
}
