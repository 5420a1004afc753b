/** Errors of one connection to Redis. All queues that share it tell of the same one, and an outage repeats it with each try: counted once, logged when it is news. */

import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'

export interface TroubleParts {
  readonly log: Pick<Logger, 'warn'>
  readonly metrics: Pick<Metrics, 'wecom_media_redis_errors_total'>
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** How long the same message says nothing new, ms. */
const quietMs = 30_000

export function redisTrouble(
  { log, metrics, clock }: TroubleParts,
  connection: string,
): (error: Error) => void {
  const heard = new WeakSet<Error>()
  let told = { message: '', atMs: Number.NEGATIVE_INFINITY }
  return error => {
    if (heard.has(error)) return
    heard.add(error)
    metrics.wecom_media_redis_errors_total.inc({ connection })
    const nowMs = clock.monotonicMs()
    if (error.message === told.message && nowMs - told.atMs < quietMs) return
    told = { message: error.message, atMs: nowMs }
    log.warn({ connection, error }, 'redis')
  }
}
