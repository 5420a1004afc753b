/** What the admin listener of a worker shows: metrics as they are now, and whether work can be done. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type AdminPages, type AdminServer, serveAdmin } from '../http/admin.ts'
import { readLimits } from '../limits/index.ts'
import type { createMetrics } from '../metrics/metrics.ts'
import { redisObserver } from '../metrics/observe.ts'
import type { QueueWorker } from '../processors/worker.ts'
import type { Admin } from '../queues/admin.ts'
import type { Limits } from './limiting.ts'
import { standingsOf } from './report.ts'
import type { OwnedResources } from './resources.ts'

export interface PageParts extends ReturnType<typeof createMetrics> {
  readonly admin: Admin
  readonly limits: Limits
  readonly resources: Pick<OwnedResources, 'closedApps'>
  /** Filled while the process starts. */
  readonly workers: readonly QueueWorker[]
  readonly ready: AdminPages['ready']
}

/** Rejects when the address is in use. */
export function openAdmin({ admin: address, apps }: Config, parts: PageParts): Promise<AdminServer> {
  const { registry, metrics, admin, limits, resources, workers, ready } = parts
  const corps = [...new Set(Object.values(apps).map(({ corpId }) => corpId))]
  const look = async () => {
    const looks = [admin.depths(), readLimits(limits.store, corps), resources.closedApps()] as const
    const [depths, states, closed] = await Promise.all(looks)
    for (const [app, isClosed] of closed) metrics.wecom_media_apps_closed.set({ app }, isClosed ? 1 : 0)
    return { depths, standings: standingsOf(states) }
  }
  const lookAtRedis = redisObserver(metrics, look, systemClock.monotonicMs)
  return serveAdmin(address, {
    async metrics() {
      await lookAtRedis()
      for (const { queue, running } of workers)
        metrics.wecom_media_jobs_running.set({ queue }, running().length)
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
    ready,
  })
}
