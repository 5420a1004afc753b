/** What the admin listener of a worker shows: metrics as they are now, and whether work can be done. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type AdminPages, type AdminServer, serveAdmin } from '../http/admin.ts'
import type { createMetrics } from '../metrics/metrics.ts'
import type { QueueWorker } from '../processors/worker.ts'
import { version } from '../version.ts'
import { type GaugeParts, openGauges } from './gauges.ts'

export interface PageParts extends ReturnType<typeof createMetrics>, Omit<GaugeParts, 'metrics' | 'clock'> {
  /** Filled while the process starts. */
  readonly workers: readonly QueueWorker[]
  readonly ready: AdminPages['ready']
}

/** Rejects when the address is in use. */
export function openAdmin(
  config: Config,
  { registry, workers, ready, ...parts }: PageParts,
): Promise<AdminServer> {
  const { metrics } = parts
  metrics.wecom_media_build_info.set({ version: version(), node: process.version }, 1)
  const look = openGauges(config, { ...parts, clock: systemClock })
  return serveAdmin(config.admin, {
    async metrics() {
      await look()
      for (const { queue, running } of workers)
        metrics.wecom_media_jobs_running.set({ queue }, running().length)
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
    ready,
  })
}
