/** What the HTTP API of a process is made of: its door, and what stands behind it. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { ApiParts } from '../http/api.ts'
import type { Wanted } from '../http/media.ts'
import { turns } from '../http/rate.ts'
import { authenticator } from '../http/tokens.ts'
import { createLedger, type Entry, type Subject } from '../ledger/index.ts'
import { createStore, type Rules } from '../limits/index.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { subjectOf } from '../processors/upload.ts'
import type { Producer } from '../queues/producer.ts'
import { reachable } from '../queues/reachable.ts'
import type { Connection } from '../redis/connection.ts'
import { version } from '../version.ts'
import { apiHook } from './report.ts'
import { readCompanies } from './resources.ts'

export interface ApiBasics {
  readonly producer: Producer
  /** Fails fast. */
  readonly redis: Connection
  /** Of jobs; and of limits and tokens of the platform. */
  readonly namespace: string
  readonly shared: string
  readonly rules: Rules
  readonly log: Logger
  readonly metrics: Metrics
  readonly closing: AbortSignal
}

/** Undefined without tokens: nobody could use it. */
export function apiOf(config: Config, basics: ApiBasics): ApiParts | undefined {
  const { tokens, apps, spool, downloads } = config
  const { producer, log, metrics, closing } = basics
  if (tokens.length === 0) return undefined
  return {
    ...{ producer, spool, downloads, closing },
    version: version(),
    authenticate: authenticator(tokens),
    takeTurn: turns(config.requestsPerSecond, systemClock.monotonicMs),
    isApp: app => Object.hasOwn(apps, app),
    apps: Object.keys(apps),
    limitsOf: named => reachable(() => limitsOf(config, basics, named)),
    lookUp: wanted => reachable(() => lookUp(config, basics, wanted)),
    nowMs: systemClock.nowMs,
    onAnswer: apiHook(log, metrics),
    onError: error => log.error({ error }, 'the HTTP API failed'),
  }
}

async function limitsOf(
  config: Config,
  { redis, shared, rules }: ApiBasics,
  named: readonly string[],
): Promise<object> {
  const apps = Object.fromEntries(Object.entries(config.apps).filter(([id]) => named.includes(id)))
  const { egress, assumeSpent } = config
  const store = createStore({ redis, namespace: shared, rules, egress, assumeSpent })
  return await readCompanies({ ...config, apps }, store, redis, shared)
}

function lookUp(config: Config, { redis, namespace }: ApiBasics, wanted: Wanted): Promise<Entry | undefined> {
  const ledger = createLedger(redis, namespace)
  const corpOf = (app: string) => config.apps[app]?.corpId ?? ''
  const kindOf = (app: string) => config.apps[app]?.kind ?? 'self-built'
  const { app, type, sha256, name = '', attachment } = wanted
  const subject: Subject =
    type === 'permanent-image'
      ? { as: 'image', corp: corpOf(app), sha256 }
      : subjectOf({ name, sha256 }, { app, type, attachment }, { corpOf, kindOf })
  return ledger.read(subject)
}
