/** From what the parts report to metrics. Takes plain facts, so that no part knows that it is measured. */

import type { Metrics } from './metrics.ts'

export interface EndFacts {
  readonly name: string
  readonly outcome: string
  readonly kind?: string
  readonly ms: number
  readonly waitedMs?: number
}

export interface CallFacts {
  readonly method: string
  /** Absent for a success, and where no answer came. */
  readonly errcode?: number | undefined
  readonly kind?: string | undefined
  readonly unknownCode?: boolean | undefined
  readonly ms: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

export interface DepthFacts {
  readonly queue: string
  readonly state: string
  readonly jobs: number
}

export interface CallbackFacts {
  readonly event: string
  readonly outcome: string
  readonly reason?: string
}

/** Who is called comes from the URL: ids that nobody has share a label. */
export function observeCallback(
  metrics: Metrics,
  party: string | undefined,
  { event, outcome, reason = 'none' }: CallbackFacts,
  ms: number,
): void {
  metrics.wecom_media_callbacks_total.inc({ party: party ?? 'unknown', event, outcome, reason })
  metrics.wecom_media_callback_duration_seconds.observe({ outcome }, ms / 1000)
}

/** Job names come from a queue that anybody may write to: unknown ones share a label. */
export function observeEnd(
  metrics: Metrics,
  { name, outcome, kind = 'none', ms, waitedMs }: EndFacts,
  isKnown: boolean,
): void {
  const job = isKnown ? name : 'unknown'
  metrics.wecom_media_jobs_total.inc({ job, outcome, kind })
  metrics.wecom_media_job_duration_seconds.observe({ job, outcome }, ms / 1000)
  if (waitedMs !== undefined) metrics.wecom_media_job_wait_seconds.observe({ job }, waitedMs / 1000)
}

export function observeCall(
  metrics: Metrics,
  { method, errcode, kind, unknownCode, ms, bytesSent, bytesReceived }: CallFacts,
): void {
  metrics.wecom_media_calls_total.inc({
    method,
    errcode: String(errcode ?? (kind === undefined ? 0 : 'none')),
  })
  metrics.wecom_media_call_duration_seconds.observe({ method }, ms / 1000)
  if (unknownCode) metrics.wecom_media_calls_unknown_code_total.inc({ method })
  metrics.wecom_media_bytes_total.inc({ method, direction: 'sent' }, bytesSent)
  metrics.wecom_media_bytes_total.inc({ method, direction: 'received' }, bytesReceived)
}

/** Counters that alerts take the rate of start at 0, so that the first failure is seen as a rise. */
export function startAtZero(metrics: Metrics, jobNames: readonly string[], queues: readonly string[]): void {
  for (const job of jobNames) {
    for (const outcome of ['done', 'failed', 'retry'])
      metrics.wecom_media_jobs_total.inc({ job, outcome, kind: 'none' }, 0)
  }
  for (const outcome of ['delivered', 'retry', 'failed', 'gone', 'refused'])
    metrics.wecom_media_webhooks_total.inc({ outcome }, 0)
  for (const queue of queues) {
    metrics.wecom_media_jobs_stalled_total.inc({ queue }, 0)
    metrics.wecom_media_gate_closed.set({ queue }, 0)
  }
}

/** How long a look at the queues serves scrapes that come close together, ms, and how long it may take. */
const lookLifeMs = 5_000
const lookTimeoutMs = 2_000

/**
 * Looks at Redis when asked, at most every 5 s. Never throws: one failing collector would take the whole page of
 * metrics with it (bullmq.md §4).
 */
export function redisObserver(
  metrics: Metrics,
  look: () => Promise<{
    readonly depths: readonly DepthFacts[]
    readonly standings: readonly StandingFacts[]
  }>,
  monotonicMs: () => number,
): () => Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (monotonicMs() - lastMs < lookLifeMs) return
    lastMs = monotonicMs()
    try {
      const { depths, standings } = await within(look(), lookTimeoutMs)
      for (const { queue, state, jobs } of depths) metrics.wecom_media_queue_jobs.set({ queue, state }, jobs)
      observeStanding(metrics, standings)
      metrics.wecom_media_redis_up.set(1)
    } catch {
      metrics.wecom_media_redis_up.set(0)
    }
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const signal = AbortSignal.timeout(ms)
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  return await Promise.race([work, late])
}

/** The part of a limit's event that is counted. */
export type LimitFacts =
  | { readonly as: 'grant'; readonly method: string; readonly booked: boolean }
  | { readonly as: 'wait'; readonly method: string; readonly why: string; readonly waitMs: number }
  | { readonly as: 'void'; readonly method: string; readonly why: string }
  | { readonly as: 'penalty' | 'concurrency'; readonly method: string }

export function observeLimit(metrics: Metrics, facts: LimitFacts): void {
  const { method } = facts
  if (facts.as === 'grant')
    metrics.wecom_media_limit_grants_total.inc({ method, booked: String(facts.booked) })
  if (facts.as === 'void') metrics.wecom_media_limit_voids_total.inc({ method, why: facts.why })
  if (facts.as === 'penalty') metrics.wecom_media_limit_penalties_total.inc({ method, errcode: '45009' })
  if (facts.as === 'concurrency') metrics.wecom_media_limit_penalties_total.inc({ method, errcode: '45033' })
  if (facts.as !== 'wait') return
  metrics.wecom_media_limit_waits_total.inc({ method, why: facts.why })
  metrics.wecom_media_limit_wait_seconds.observe({ method }, facts.waitMs / 1000)
}

/** How one company and method stand now. */
export interface StandingFacts {
  readonly corp: string
  readonly method: string
  readonly closedForMs: number
  readonly rateShare: number
  readonly quota: readonly { readonly rule: string; readonly used: number; readonly left: number }[]
}

function observeStanding(metrics: Metrics, standings: readonly StandingFacts[]): void {
  for (const { corp, method, closedForMs, rateShare, quota } of standings) {
    metrics.wecom_media_limit_closed_seconds.set({ corp, method }, closedForMs / 1000)
    metrics.wecom_media_limit_rate_share.set({ corp, method }, rateShare)
    for (const { rule, used, left } of quota) {
      metrics.wecom_media_quota_units.set({ corp, method, rule, state: 'used' }, used)
      metrics.wecom_media_quota_units.set({ corp, method, rule, state: 'left' }, left)
    }
  }
}
