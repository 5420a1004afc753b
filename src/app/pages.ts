/** What the admin listener of a worker shows: metrics as they are now, and whether work can be done. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type AdminPages, type AdminServer, serveAdmin } from '../http/admin.ts'
import type { createMetrics } from '../metrics/metrics.ts'
import type { QueueWorker } from '../processors/worker.ts'
import { version } from '../version.ts'
import { type DashboardParts, openBoard } from './board.ts'
import { type GaugeParts, openGauges } from './gauges.ts'

export interface PageParts
  extends ReturnType<typeof createMetrics>,
    Omit<GaugeParts, 'metrics' | 'clock'>,
    DashboardParts {
  /** Filled while the process starts. */
  readonly workers: readonly QueueWorker[]
  readonly ready: AdminPages['ready']
}

/** With the dashboard, if one is configured. Rejects when the address is in use. */
export async function openAdmin(config: Config, parts: PageParts): Promise<AdminServer> {
  const { registry, metrics, workers, ready } = parts
  metrics.wecom_media_build_info.set({ version: version(), node: process.version }, 1)
  const look = openGauges(config, { ...parts, clock: systemClock })
  const pages = {
    async metrics() {
      await look()
      for (const { queue, running } of workers)
        metrics.wecom_media_jobs_running.set({ queue }, running().length)
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
    ready,
  }
  const board = await openBoard(config, parts)
  if (!board) return serveAdmin(config.admin, pages)
  try {
    const server = await serveAdmin(config.admin, { ...pages, board })
    return { url: server.url, close: () => server.close().finally(board.close) }
  } catch (error) {
    await board.close()
    throw error
  }
}
