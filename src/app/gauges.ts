/** What this process looks at when its metrics are scraped: queues, limits, apps, Redis, disk. Each look is bounded, whatever is configured. */

import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { readLimits } from '../limits/index.ts'
import { createLooks, type Look } from '../metrics/looks.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { showAges, showDepths, showRedis, showStandings } from '../metrics/show.ts'
import type { Admin } from '../queues/admin.ts'
import { readAges } from '../queues/ages.ts'
import type { Connection } from '../redis/connection.ts'
import { readLatencyMs, readRedisState } from '../redis/state.ts'
import type { Heard } from './heard.ts'
import { keptStandings } from './keep-alive.ts'
import type { Limits } from './limiting.ts'
import { standingsOf } from './report.ts'
import type { OwnedResources } from './resources.ts'

export interface GaugeParts {
  readonly metrics: Metrics
  readonly redis: Connection
  /** Of jobs. */
  readonly namespace: string
  readonly admin: Pick<Admin, 'depths' | 'workers'>
  readonly limits: Limits
  readonly resources: Pick<OwnedResources, 'recentApps' | 'closedApps' | 'names'>
  readonly heard: Heard
  readonly clock: Clock
}

/**
 * So many apps, and no more companies than they have, are looked at: all where no more are configured, else those that
 * this process used last. A provider may have thousands, and a scrape must not ask Redis for each of them.
 */
const appsLookedAt = 50

/** Brings the gauges up to date. Never rejects. */
export function openGauges(
  config: Pick<Config, 'apps' | 'suites' | 'downloads'>,
  parts: GaugeParts,
): () => Promise<void> {
  const { metrics, redis, clock } = parts
  return createLooks({
    metrics,
    looks: {
      ...looksAtQueues(parts),
      ...looksAtApps(config, parts),
      ...looksAtRedis(parts),
      kept: lookAtKept(parts),
      disk: lookAtDisk(metrics, config.downloads),
    },
    isReady: () => redis.status === 'ready',
    monotonicMs: clock.monotonicMs,
  })
}

function looksAtQueues({ metrics, redis, namespace, admin }: GaugeParts): Record<string, Look> {
  return {
    depths: {
      gauges: ['wecom_media_queue_jobs'],
      async read() {
        const depths = await admin.depths()
        return () => showDepths(metrics, depths)
      },
    },
    ages: {
      gauges: ['wecom_media_queue_oldest_seconds', 'wecom_media_queue_paused'],
      async read() {
        const ages = await readAges(redis, namespace)
        return () => showAges(metrics, ages)
      },
    },
    workers: {
      gauges: ['wecom_media_workers_connected'],
      // Redis lists every client for each queue.
      lifeMs: 30_000,
      async read() {
        const counts = await admin.workers()
        return () => {
          for (const [queue, workers] of counts) metrics.wecom_media_workers_connected.set({ queue }, workers)
        }
      },
    },
  }
}

function looksAtApps(
  { apps, suites }: Pick<Config, 'apps' | 'suites'>,
  parts: GaugeParts,
): Record<string, Look> {
  const { metrics, limits, resources, heard } = parts
  const seen = () => resources.recentApps(appsLookedAt)
  return {
    limits: {
      gauges: [
        'wecom_media_limit_closed_seconds',
        'wecom_media_limit_rate_share',
        'wecom_media_limit_waiting',
        'wecom_media_limit_under_way',
        'wecom_media_quota_units',
      ],
      async read() {
        const corps = new Set(seen().map(app => apps[app]?.corpId ?? ''))
        const standings = standingsOf(await readLimits(limits.store, [...corps]))
        return () => showStandings(metrics, standings)
      },
    },
    apps: {
      gauges: ['wecom_media_apps_closed'],
      async read() {
        const closed = await resources.closedApps(seen())
        return () => {
          for (const [app, why] of closed)
            metrics.wecom_media_apps_closed.set({ app, errcode: String(why?.errcode ?? 'none') }, why ? 1 : 0)
        }
      },
    },
    callbacks: {
      gauges: ['wecom_media_callback_last_timestamp_seconds'],
      async read() {
        const heardAtMs = await heard.read(partiesCalledBack({ apps, suites }).slice(0, appsLookedAt))
        return () => {
          for (const [party, ms] of heardAtMs) {
            const kind = Object.hasOwn(suites, party) ? 'suite' : 'app'
            metrics.wecom_media_callback_last_timestamp_seconds.set({ party, kind }, ms / 1000)
          }
        }
      },
    },
  }
}

/** Suites first: theirs push something every ten minutes, so that silence means something. */
const partiesCalledBack = ({ apps, suites }: Pick<Config, 'apps' | 'suites'>): string[] =>
  [...Object.entries(suites), ...Object.entries(apps)]
    .filter(([, party]) => 'callback' in party && party.callback !== undefined)
    .map(([id]) => id)

function looksAtRedis({ metrics, redis, namespace, clock }: GaugeParts): Record<string, Look> {
  return {
    redis: {
      gauges: ['wecom_media_redis_latency_seconds'],
      async read() {
        const ms = await readLatencyMs(redis, namespace, clock)
        return () => {
          metrics.wecom_media_redis_latency_seconds.set(ms / 1000)
          metrics.wecom_media_redis_up.set(1)
        }
      },
      missed: () => metrics.wecom_media_redis_up.set(0),
    },
    // Apart: an ACL may hide INFO.
    info: {
      gauges: [
        'wecom_media_redis_memory_used_bytes',
        'wecom_media_redis_memory_max_bytes',
        'wecom_media_redis_persistence',
      ],
      async read() {
        const state = await readRedisState(redis, namespace)
        return () => showRedis(metrics, state)
      },
    },
  }
}

const lookAtKept = ({ metrics, resources }: GaugeParts): Look => ({
  gauges: ['wecom_media_keep_alive_media', 'wecom_media_keep_alive_soonest_end_seconds'],
  async read() {
    const { states, soonestEndS } = await keptStandings(resources.names)
    return () => {
      for (const [state, count] of Object.entries(states))
        metrics.wecom_media_keep_alive_media.set({ state }, count)
      metrics.wecom_media_keep_alive_soonest_end_seconds.set(soonestEndS)
    }
  },
})

const lookAtDisk = (metrics: Metrics, downloads: string): Look => ({
  gauges: ['wecom_media_disk_free_bytes', 'wecom_media_disk_size_bytes'],
  async read() {
    const { bavail, blocks, bsize } = await statfs(downloads)
    return () => {
      metrics.wecom_media_disk_free_bytes.set({ folder: 'downloads' }, bavail * bsize)
      metrics.wecom_media_disk_size_bytes.set({ folder: 'downloads' }, blocks * bsize)
    }
  },
})
