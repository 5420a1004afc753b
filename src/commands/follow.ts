/** Waiting for a job as a person does: a bar while bytes move, a line when it waits and why, an end when waiting is no use. */

import { systemClock } from '../clock.ts'
import { faultFrom } from '../fault.ts'
import type { JobName, Result } from '../queues/jobs.ts'
import type { Job, Producer } from '../queues/producer.ts'
import type { JobRecord } from '../record/index.ts'
import { type Bar, createBar } from './bar.ts'
import { CommandError, exitCodeFor, exitCodes } from './exit.ts'

export interface FollowOptions {
  /** Default: no end, but for a job here see `giveUpMs`. */
  readonly timeoutMs?: number | undefined
  readonly signal: AbortSignal
  /** Whether the job runs in this very process: it ends with this command, and nobody waits for days. */
  readonly isHere: boolean
}

/** The job's result. Rejects with its fault, or `CommandError` when the wait ends first. */
export async function follow<N extends JobName>(
  producer: Producer,
  job: Job<N>,
  options: FollowOptions,
): Promise<Result<N>> {
  const { signal, timeoutMs, isHere } = options
  const over = new AbortController()
  const stopping = AbortSignal.any([signal, over.signal])
  const bar = createBar()
  const hopeless = watch(producer, job.id, looksOf(options, job.id, bar), stopping)
  try {
    const timeout = timeoutMs === undefined ? {} : { timeoutMs }
    return await Promise.race([producer.result(job, { ...timeout, signal: stopping }), hopeless])
  } catch (error) {
    // Cancelled only now, so that the reason is told and not the cancelling.
    if (isHere) await producer.cancel(job).catch(() => undefined)
    throw endOf(error, signal, isHere ? 'the job was cancelled' : `job ${job.id} goes on`)
  } finally {
    over.abort()
    await hopeless.catch(() => undefined)
    bar.clear()
  }
}

function endOf(error: unknown, signal: AbortSignal, fate: string): unknown {
  if (signal.aborted) return new CommandError('interrupted', `interrupted; ${fate}`)
  if (exitCodeFor(error) === exitCodes.unreachable)
    return new CommandError('unreachable', `Redis does not answer any more; ${fate}`)
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  return isLate ? new CommandError('unreachable', `no result within --timeout; ${fate}`) : error
}

/** A look at the record: tells what a person should know, throws when waiting is no use. */
type Look = (record: JobRecord) => void

const lookEveryMs = 200
/** Redis may be away for so long, ms. */
const awayMs = 5_000

/** Never resolves; rejects when `signal` aborts, or when waiting is no use. */
async function watch(
  producer: Producer,
  id: string,
  looks: readonly Look[],
  signal: AbortSignal,
): Promise<never> {
  let seenMs = systemClock.monotonicMs()
  for (;;) {
    await systemClock.sleep(lookEveryMs, signal)
    const record = await producer.read(id).catch(error => {
      // `result` waits through an outage as long as it takes; a person does not.
      if (systemClock.monotonicMs() - seenMs > awayMs) throw error
    })
    if (record) seenMs = systemClock.monotonicMs()
    if (record) for (const look of looks) look(record)
  }
}

function looksOf({ isHere, timeoutMs }: FollowOptions, id: string, bar: Bar): Look[] {
  const progress: Look = ({ state, progress }) => {
    if (state === 'running') bar.show(progress)
  }
  const patienceMs = isHere ? (timeoutMs ?? giveUpMs) : Number.POSITIVE_INFINITY
  const looks = [progress, lookAtWaits(bar, isHere), lookAtRetries(bar, patienceMs)]
  return isHere ? looks : [...looks, lookForWorker(bar, id)]
}

const lookAtWaits =
  (bar: Bar, isHere: boolean): Look =>
  ({ state, waiting }) => {
    if (state !== 'waiting' || !waiting) return
    const { why, untilMs } = waiting
    // The app is closed: only an operator could make it go on (wrong secret, address not trusted).
    if (isHere && why.kind === 'unavailable') throw faultFrom(why)
    bar.tell(`waiting until ${localTime(untilMs)}: ${why.message}`)
  }

/** As clocks on the wall show it, in the order that ISO 8601 has. */
export const localTime = (ms: number): string => new Date(ms).toLocaleString('sv')

/** How long a job here may go on failing, ms, where no --timeout says otherwise. */
const giveUpMs = 20_000

/** Gives up between two attempts only: one that moves bytes may take its time. */
function lookAtRetries(bar: Bar, patienceMs: number): Look {
  let sinceMs: number | undefined
  return ({ state, lastFault }) => {
    if (!lastFault || state === 'waiting') return
    const nowMs = systemClock.monotonicMs()
    sinceMs ??= nowMs
    bar.tell(`trying again: ${lastFault.message}`)
    if (state === 'queued' && nowMs - sinceMs > patienceMs) throw faultFrom(lastFault)
  }
}

const lonelyMs = 5_000

function lookForWorker(bar: Bar, id: string): Look {
  const sinceMs = systemClock.monotonicMs()
  let told = false
  return ({ state, fence }) => {
    if (told || state !== 'queued' || fence > 0 || systemClock.monotonicMs() - sinceMs < lonelyMs) return
    told = true
    bar.tell(
      `no worker has taken job ${id} yet: is "wecom-media serve" running with this REDIS_URL and WECOM_BASE_URL?`,
    )
  }
}

/** The longest wait that a timer can hold is 24.8 days. */
const maxHours = 480

/** `30s`, `10m`, `2h` or a number of seconds -> ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text)
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 1_000
  const ms = Math.round(Number(match?.[1]) * unit)
  if (ms >= 1 && ms <= maxHours * 3_600_000) return ms
  throw new CommandError(
    'usage',
    `"${text}" is no duration: write 30s, 10m or 2h, more than 0 and at most ${maxHours}h`,
  )
}
