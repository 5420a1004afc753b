/** What processors share in one process: a client for each configured app, quotas, sources, folders. */

import type { Config } from '../config.ts'
import type { FaultReport } from '../fault.ts'
import { openSource } from '../files/file.ts'
import { createWeb } from '../files/http.ts'
import { createKeepAlive, createLedger, type Ledger } from '../ledger/index.ts'
import { type PairState, readLimits, type Store } from '../limits/index.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Resources } from '../processors/context.ts'
import { queueNames } from '../queues/jobs.ts'
import type { Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { createConnections } from '../wecom/index.ts'
import { openClients } from './clients.ts'
import { type Limits, unitsOf } from './limiting.ts'
import { callHook } from './report.ts'
import { openWebhooks } from './webhooks.ts'

export interface ResourceParts {
  readonly redis: Connection
  /** Where tokens live: one for the whole deployment. */
  readonly namespace: string
  readonly limits: Limits
  /** Of jobs; ends are told from there. */
  readonly records: Records
  readonly metrics: Metrics
  readonly log: Logger
}

export interface OwnedResources extends Resources {
  /** Why the platform refuses these apps now; undefined for those that it does not. */
  closedApps(apps: readonly string[]): Promise<ReadonlyMap<string, FaultReport | undefined>>
  /** At most so many: all that are configured where they are no more, else those that were used last. */
  recentApps(most: number): readonly string[]
  close(): Promise<void>
}

export function openResources(
  config: Config,
  { redis, namespace, limits, records, metrics, log }: ResourceParts,
): OwnedResources {
  // Every job under way may speak: none waits for a connection with a file open and a lock running.
  const connections = createConnections(config.concurrency * queueNames.length)
  const onCall = callHook(log, metrics)
  const clients = openClients(config, { redis, namespace, gate: limits.gate, ...connections, onCall })
  const web = createWeb(config.web)
  const { webhooks, close: closeWebhooks } = openWebhooks(config, records, metrics)
  const {
    sliceBytes,
    parallelSlices: parallel,
    maxDownloadBytes: maxBytes,
    downloads,
    spool: bodiesDir,
  } = config
  const corpOf = (app: string) => clients.configOf(app).corpId
  return {
    client: clients.of,
    corpOf,
    kindOf: app => clients.configOf(app).kind ?? 'self-built',
    ledger: counted(createLedger(redis, namespace), metrics),
    names: createKeepAlive(redis, namespace),
    units: unitsOf(limits.quota, corpOf),
    openSource: (ref, asked) =>
      openSource(ref, { roots: config.roots ?? [], web, spoolDir: downloads, bodiesDir, ...asked }),
    web,
    webhooks,
    downloads,
    download: { sliceBytes, parallel, maxBytes },
    closedApps: clients.closed,
    recentApps: clients.recent,
    async close() {
      await clients.close()
      await web.close()
      await closeWebhooks()
      await connections.dispatcher.close()
    },
  }
}

/** Every look is counted. */
const counted = (ledger: Ledger, metrics: Metrics): Ledger => ({
  ...ledger,
  async take(subject, claimant, minLifeMs) {
    const taken = await ledger.take(subject, claimant, minLifeMs)
    metrics.wecom_media_ledger_total.inc({ subject: subject.as, found: taken.as })
    return taken
  },
})

export interface ClosedApp {
  readonly app: string
  readonly why: FaultReport
}

export interface CompaniesState {
  readonly limits: readonly PairState[]
  readonly closedApps: readonly ClosedApp[]
}

/** What is left of the limits of the configured companies, and which of their apps the platform refuses, for the whole fleet. */
export async function readCompanies(
  config: Config,
  store: Store,
  redis: Connection,
  namespace: string,
): Promise<CompaniesState> {
  const corps = [...new Set(Object.values(config.apps).map(({ corpId }) => corpId))]
  const [limits, closedApps] = await Promise.all([
    readLimits(store, corps),
    readClosedApps(config, redis, namespace),
  ])
  return { limits, closedApps }
}

/** Apps that the platform refuses now. */
async function readClosedApps(config: Config, redis: Connection, namespace: string): Promise<ClosedApp[]> {
  const clients = openClients(config, { redis, namespace })
  try {
    return [...(await clients.closed(Object.keys(config.apps)))].flatMap(([app, why]) =>
      why ? [{ app, why }] : [],
    )
  } finally {
    await clients.close()
  }
}
