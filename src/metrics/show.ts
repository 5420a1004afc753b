/** From facts that a look brought to gauges. Takes plain facts; labels come from closed sets and configured ids. */

import type { Metrics } from './metrics.ts'

export interface DepthFacts {
  readonly queue: string
  readonly state: string
  readonly jobs: number
}

export function showDepths(metrics: Metrics, depths: readonly DepthFacts[]): void {
  for (const { queue, state, jobs } of depths) metrics.wecom_media_queue_jobs.set({ queue, state }, jobs)
}

export interface AgeFacts {
  readonly queue: string
  readonly isPaused: boolean
  readonly oldestMs: Readonly<Record<string, number>>
}

export function showAges(metrics: Metrics, ages: readonly AgeFacts[]): void {
  for (const { queue, isPaused, oldestMs } of ages) {
    metrics.wecom_media_queue_paused.set({ queue }, isPaused ? 1 : 0)
    for (const [state, ms] of Object.entries(oldestMs))
      metrics.wecom_media_queue_oldest_seconds.set({ queue, state }, ms / 1000)
  }
}

/** How one company and method stand now. */
export interface StandingFacts {
  readonly corp: string
  readonly method: string
  readonly closedForMs: number
  readonly rateShare: number
  readonly bookedAhead: number
  readonly inLine: number
  readonly underWay: number
  readonly quota: readonly { readonly rule: string; readonly used: number; readonly left: number }[]
}

export function showStandings(metrics: Metrics, standings: readonly StandingFacts[]): void {
  for (const { corp, method, closedForMs, rateShare, bookedAhead, inLine, underWay, quota } of standings) {
    metrics.wecom_media_limit_closed_seconds.set({ corp, method }, closedForMs / 1000)
    metrics.wecom_media_limit_rate_share.set({ corp, method }, rateShare)
    metrics.wecom_media_limit_waiting.set({ corp, method, where: 'booked' }, bookedAhead)
    metrics.wecom_media_limit_waiting.set({ corp, method, where: 'line' }, inLine)
    metrics.wecom_media_limit_under_way.set({ corp, method }, underWay)
    for (const { rule, used, left } of quota) {
      metrics.wecom_media_quota_units.set({ corp, method, rule, state: 'used' }, used)
      metrics.wecom_media_quota_units.set({ corp, method, rule, state: 'left' }, left)
    }
  }
}

export interface RedisFacts {
  readonly usedBytes: number
  readonly maxBytes: number
  readonly aofOk: boolean
  readonly rdbOk: boolean
}

export function showRedis(metrics: Metrics, { usedBytes, maxBytes, aofOk, rdbOk }: RedisFacts): void {
  metrics.wecom_media_redis_memory_used_bytes.set(usedBytes)
  metrics.wecom_media_redis_memory_max_bytes.set(maxBytes)
  metrics.wecom_media_redis_persistence.set({ kind: 'aof' }, aofOk ? 1 : 0)
  metrics.wecom_media_redis_persistence.set({ kind: 'rdb' }, rdbOk ? 1 : 0)
}
