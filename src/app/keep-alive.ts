/** Keeping alive in one worker: its beat, and what logs and metrics hear of it. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type KeepAlive, keptStates } from '../ledger/index.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Admin } from '../queues/admin.ts'
import { startBeat } from '../queues/beat.ts'
import { type KeptEvent, keepAliveQueue, renewDue } from '../queues/renew.ts'
import type { Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'

export interface KeepAliveParts {
  readonly redis: Connection
  /** Of jobs; and of names, which are one for the whole deployment. */
  readonly namespace: string
  readonly shared: string
  readonly records: Records
  readonly admin: Admin
  readonly names: KeepAlive
  readonly log: Logger
  readonly metrics: Metrics
}

/** Starts the beat; the answer ends it. A process with queues of its own keeps nothing alive: it ends with its one job. */
export function startKeepAlive(
  { renewBeforeMs, renewLookMs: lookMs, lockDurationMs, stalledIntervalMs }: Config,
  { redis, namespace, shared, log, metrics, ...parts }: KeepAliveParts,
): () => Promise<void> {
  if (namespace !== shared) return async () => undefined
  const onError = (error: unknown) => log.error({ chore: 'keep-alive', error }, 'chore failed')
  const onEvent = eventHook(log, metrics)
  const renewing = { ...parts, renewBeforeMs, lookMs, clock: systemClock, onEvent, onError }
  const beat = startBeat({
    ...{ redis, namespace, name: keepAliveQueue, everyMs: lookMs, lockDurationMs, stalledIntervalMs },
    clock: systemClock,
    // Told here, and to BullMQ, which counts it as failed.
    onBeat: () =>
      renewDue(renewing).catch(error => {
        onError(error)
        throw error
      }),
    // The connection is the worker's, whose errors are told already.
    onError: error => log.debug({ chore: 'keep-alive', error }, 'beat'),
  })
  return () => beat.stop()
}

const sentences = {
  kept: 'a media_id is kept alive from now on',
  renewed: 'a media_id that is kept alive was renewed',
  failed: 'a media_id that is kept alive could not be renewed: act before it dies',
  dead: 'a media_id that should be kept alive is dead: mend its source, or let go of the name',
  ended: 'a media_id is not kept alive any longer: its time was over',
} as const

const eventHook =
  (log: Logger, metrics: Metrics) =>
  ({ event, app, name, expiresAtMs, reused, fault }: KeptEvent): void => {
    const outcome = event === 'renewed' && reused ? 'reused' : event
    if (event === 'renewed' || event === 'failed')
      metrics.wecom_media_keep_alive_renewals_total.inc({ outcome })
    const level = { kept: 'info', renewed: 'info', failed: 'warn', dead: 'error', ended: 'info' } as const
    const expires = expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString()
    log[level[event]]({ app, name, event, expires, kind: fault?.kind, why: fault?.message }, sentences[event])
  }

/**
 * How many names are in which state, and how long the first of those has left whose renewal is due, s: a beat that has
 * stopped makes nothing fail.
 */
export async function keptStandings(names: KeepAlive): Promise<{
  readonly states: Readonly<Record<string, number>>
  readonly soonestEndS: number
}> {
  const states: Record<string, number> = Object.fromEntries(keptStates.map(state => [state, 0]))
  let soonestEndS = Number.POSITIVE_INFINITY
  for (const { state, leftMs } of await names.standings()) {
    states[state] = (states[state] ?? 0) + 1
    if (state === 'ageing' || state === 'failing' || state === 'dead')
      soonestEndS = Math.min(soonestEndS, leftMs / 1_000)
  }
  return { states, soonestEndS }
}
