/** What every worker does now and then besides jobs: compare records with the queues, tell of ends that nobody told of, sweep old partial files. */

import { keepDoing, systemClock } from '../clock.ts'
import { sweepBodies } from '../files/bodies.ts'
import { sweepPartials } from '../files/partial-names.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Admin } from '../queues/admin.ts'
import { keepTelling } from '../queues/notify.ts'
import { keepReconciling } from '../queues/reconcile.ts'
import type { JobRecord, Records } from '../record/index.ts'
import { repairHook } from './report.ts'

export interface ChoreParts {
  readonly records: Records
  readonly admin: Admin
  readonly downloads: string
  readonly spool: string
  readonly log: Logger
  readonly metrics: Metrics
}

const hourMs = 3_600_000
const hourly = { clock: systemClock, everyMs: hourMs }
/** Far beyond any deadline that is usual; a job with a longer one begins its download anew. */
const partialLifeMs = 7 * 24 * hourMs

/** Starts them all; the answer ends them. A round that waits for a Redis that is away is not waited for. */
export function startChores({ records, admin, downloads, spool, log, metrics }: ChoreParts): () => void {
  const over = new AbortController()
  const onError = (chore: string) => (error: unknown) => {
    if (!over.signal.aborted) log.error({ chore, error }, 'chore failed')
  }
  const onRepair = repairHook(log, metrics)
  void keepReconciling(
    { records, admin, clock: systemClock, onRepair, onError: onError('reconcile') },
    over.signal,
  )
  void keepTelling({ records, admin, clock: systemClock, onError: onError('tell') }, over.signal)
  const sweep = () => sweepPartials(downloads, partialLifeMs, systemClock.nowMs())
  void keepDoing(sweep, { ...hourly, onError: onError('sweep') }, over.signal)
  void keepSweepingBodies(spool, records.read, onError('sweep bodies'), over.signal)
  return () => over.abort()
}

/** A person may ask again for a failed job, and needs its body then. */
const bodyLifeMs = 24 * hourMs

/** Whether a job may still need its body: it has no result, and did not end a day ago. */
export const needsBody = (record: JobRecord | undefined, nowMs: number): boolean =>
  record !== undefined &&
  record.state !== 'done' &&
  (record.endedAtMs === undefined || nowMs - record.endedAtMs < bodyLifeMs)

/** Also where only HTTP is served: its workers may see another folder. */
export function keepSweepingBodies(
  folder: string,
  read: Records['read'],
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const sweep = () => {
    const nowMs = systemClock.nowMs()
    const isNeeded = async (id: string) => needsBody(await read(id), nowMs)
    return sweepBodies(folder, { nowMs, olderThanMs: hourMs, isNeeded })
  }
  return keepDoing(sweep, { ...hourly, onError }, signal)
}
