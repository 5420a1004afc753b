/** What processors share in one process: a client for each configured app, quotas, folders. */

import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { keepSecret } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { observeCall } from '../metrics/observe.ts'
import type { Resources } from '../processors/context.ts'
import { queueNames } from '../queues/jobs.ts'
import { type CallEvent, type Client, createClient, redisTokenStore } from '../wecom/index.ts'
import { type Limits, unitsOf } from './limiting.ts'

export interface ResourceParts {
  readonly redis: Redis
  /** Where tokens live: one for the whole deployment. */
  readonly namespace: string
  readonly limits: Limits
  readonly metrics: Metrics
}

export interface OwnedResources extends Resources {
  /** Apps that the platform refuses now. */
  closedApps(): Promise<ReadonlyMap<string, boolean>>
  close(): Promise<void>
}

export function openResources(config: Config, parts: ResourceParts): OwnedResources {
  const clients = openClients(config, parts)
  const { sliceBytes, parallelSlices: parallel, maxDownloadBytes: maxBytes } = config
  return {
    client(app) {
      const client = clients.get(app)
      if (client) return client
      const known = [...clients.keys()].join(', ')
      throw new Fault('config', `no app is called "${app}" here: this worker knows ${known}`)
    },
    units: unitsOf(parts.limits.quota, app => config.apps[app]?.corpId ?? ''),
    roots: config.roots ?? [],
    downloads: config.downloads,
    download: { sliceBytes, parallel, maxBytes },
    async closedApps() {
      const entries = [...clients].map(
        async ([app, client]) => [app, (await client.closed()) !== undefined] as const,
      )
      return new Map(await Promise.all(entries))
    },
    async close() {
      await Promise.all([...clients.values()].map(client => client.close()))
    },
  }
}

function openClients(
  config: Config,
  { redis, namespace, limits, metrics }: ResourceParts,
): Map<string, Client> {
  const { baseUrl, apps, concurrency } = config
  const common = {
    baseUrl,
    tokens: redisTokenStore({ redis, prefix: namespace }),
    gate: limits.gate,
    // Every job under way may speak: none waits for a connection with a file open and a lock running.
    connections: concurrency * queueNames.length,
    onCall: (event: CallEvent) => observeCall(metrics, event),
  }
  return new Map(
    Object.entries(apps).map(([app, { corpId, secret }]) => {
      keepSecret(secret)
      return [app, createClient({ ...common, app, corpId, secret })]
    }),
  )
}

export interface ClosedApp {
  readonly app: string
  readonly why: FaultReport
}

/** Apps that the platform refuses now, for the whole fleet. */
export async function readClosedApps(
  { apps, baseUrl }: Config,
  redis: Redis,
  namespace: string,
): Promise<ClosedApp[]> {
  const tokens = redisTokenStore({ redis, prefix: namespace })
  const found = Object.entries(apps).map(async ([app, { corpId, secret }]): Promise<ClosedApp[]> => {
    const client = createClient({ app, corpId, secret, baseUrl, tokens })
    const why = await client.closed().finally(() => client.close())
    return why ? [{ app, why }] : []
  })
  return (await Promise.all(found)).flat()
}
