/** From what the parts report to metrics. Takes plain facts, so that no part knows that it is measured. */

import type { Metrics } from './metrics.ts'

export interface EndFacts {
  readonly name: string
  readonly outcome: string
  readonly kind?: string
  /** Absent where nobody saw it run. */
  readonly ms?: number
  readonly waitedMs?: number
  /** From being queued until now. */
  readonly ageMs?: number
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

/**
 * Job names come from a queue that anybody may write to: those that have no queue of ours share a label. The label is not
 * called job, which is Prometheus's own name for what it scrapes.
 */
export function observeEnd(
  metrics: Metrics,
  { name, outcome, kind = 'none', ms, waitedMs, ageMs }: EndFacts,
  queue: string | undefined,
): void {
  const job_name = queue === undefined ? 'unknown' : name
  metrics.wecom_media_jobs_total.inc({ queue: queue ?? 'unknown', job_name, outcome, kind })
  if (ms !== undefined) metrics.wecom_media_job_duration_seconds.observe({ job_name, outcome }, ms / 1000)
  if (waitedMs !== undefined) metrics.wecom_media_job_wait_seconds.observe({ job_name }, waitedMs / 1000)
  if (ageMs !== undefined && (outcome === 'done' || outcome === 'failed'))
    metrics.wecom_media_job_age_seconds.observe({ job_name, outcome }, ageMs / 1000)
}

/** Methods that give tokens out. */
const tokenMethods = /token$/

/** An errcode that our table lacks may be any number: it is counted as `other`, and the log has it. */
export function observeCall(
  metrics: Metrics,
  { method, errcode, kind, unknownCode, ms, bytesSent, bytesReceived }: CallFacts,
): void {
  const code = errcode ?? (kind === undefined ? 0 : 'none')
  metrics.wecom_media_calls_total.inc({ method, errcode: unknownCode ? 'other' : String(code) })
  metrics.wecom_media_call_duration_seconds.observe({ method }, ms / 1000)
  if (unknownCode) metrics.wecom_media_calls_unknown_code_total.inc({ method })
  metrics.wecom_media_bytes_total.inc({ method, direction: 'sent' }, bytesSent)
  metrics.wecom_media_bytes_total.inc({ method, direction: 'received' }, bytesReceived)
  if (!tokenMethods.test(method)) return
  const outcome = kind === undefined ? 'done' : errcode === undefined ? 'failed' : 'refused'
  metrics.wecom_media_token_refreshes_total.inc({ method, outcome })
}

export interface ApiFacts {
  /** Undefined for a path that is none. */
  readonly operation: string | undefined
  readonly status: number
  readonly ms: number
}

export function observeApi(metrics: Metrics, { operation = 'none', status, ms }: ApiFacts): void {
  metrics.wecom_media_api_requests_total.inc({ operation, status: String(status) })
  metrics.wecom_media_api_duration_seconds.observe({ operation }, ms / 1000)
}

/** The part of a limit's event that is counted. */
export type LimitFacts =
  | { readonly as: 'grant'; readonly method: string; readonly booked: boolean }
  | { readonly as: 'wait'; readonly method: string; readonly why: string; readonly waitMs: number }
  | { readonly as: 'void'; readonly method: string; readonly why: string }
  | { readonly as: 'penalty' | 'concurrency'; readonly method: string }
  | { readonly as: 'memory-lost' | 'not-recorded' | 'quota' | 'quota-blocked' }

export function observeLimit(metrics: Metrics, facts: LimitFacts): void {
  const { as } = facts
  if (as === 'grant') {
    const { method, booked } = facts
    metrics.wecom_media_limit_grants_total.inc({ method, booked: String(booked) })
  } else if (as === 'wait') {
    const { method, why, waitMs } = facts
    metrics.wecom_media_limit_waits_total.inc({ method, why })
    metrics.wecom_media_limit_wait_seconds.observe({ method }, waitMs / 1000)
  } else if (as === 'void') {
    metrics.wecom_media_limit_voids_total.inc({ method: facts.method, why: facts.why })
  } else if (as === 'penalty' || as === 'concurrency') {
    metrics.wecom_media_limit_penalties_total.inc({ method: facts.method, errcode: errcodeOf[as] })
  } else metrics.wecom_media_limit_trouble_total.inc({ what: as })
}

const errcodeOf = { penalty: '45009', concurrency: '45033' } as const
