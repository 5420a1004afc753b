/** Waiting for a job as a person does: a bar while bytes move, a line when it waits and why. */

import { systemClock } from '../clock.ts'
import { faultFrom } from '../fault.ts'
import type { JobName, Result } from '../queues/jobs.ts'
import type { Job, Producer } from '../queues/producer.ts'
import type { JobRecord } from '../record/index.ts'
import { CommandError } from './exit.ts'
import { say } from './settings.ts'

export interface FollowOptions {
  readonly timeoutMs?: number
  readonly signal: AbortSignal
  /** Give up when only an operator could make it go on (wrong secret, address not trusted), as no one waits for days here. */
  readonly impatient: boolean
}

/** The job's result. Rejects with its fault, or `CommandError` when the wait ends first. */
export async function follow<N extends JobName>(
  producer: Producer,
  job: Job<N>,
  options: FollowOptions,
): Promise<Result<N>> {
  const { signal, timeoutMs, impatient } = options
  const over = new AbortController()
  const stopping = AbortSignal.any([signal, over.signal])
  const hopeless = watch(producer, job.id, impatient, stopping)
  try {
    const timeout = timeoutMs === undefined ? {} : { timeoutMs }
    return await Promise.race([producer.result(job, { ...timeout, signal }), hopeless])
  } catch (error) {
    if (signal.aborted)
      throw new CommandError(
        'interrupted',
        `interrupted; job ${job.id} goes on, cancel it or ask for it later`,
      )
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new CommandError(
        'unreachable',
        `no result in time; job ${job.id} goes on: are workers running ("wecom-media serve")?`,
      )
    }
    throw error
  } finally {
    over.abort()
    await hopeless.catch(() => undefined)
    clearBar()
  }
}

const lookEveryMs = 200

/** Never resolves before `signal` aborts; rejects when waiting is hopeless. */
async function watch(
  producer: Producer,
  id: string,
  impatient: boolean,
  signal: AbortSignal,
): Promise<never> {
  let told = ''
  for (;;) {
    await systemClock.sleep(lookEveryMs, signal)
    const record = await producer.read(id).catch(() => undefined)
    if (record?.state === 'running') showBar(record.progress)
    if (record?.state !== 'waiting' || !record.waiting) continue
    if (impatient && record.waiting.why.kind === 'unavailable') {
      await producer.cancel(id)
      throw faultFrom(record.waiting.why)
    }
    told = tellWait(record.waiting, told)
  }
}

function tellWait({ why, untilMs }: NonNullable<JobRecord['waiting']>, told: string): string {
  if (why.message === told) return told
  clearBar()
  say(`waiting until ${new Date(untilMs).toISOString()}: ${why.message}`)
  return why.message
}

const barWidth = 30

function showBar(progress: unknown): void {
  if (!process.stderr.isTTY || !isProgress(progress)) return
  const { doneBytes, totalBytes } = progress
  const share = totalBytes ? Math.min(1, doneBytes / totalBytes) : 0
  const full = Math.round(share * barWidth)
  process.stderr.write(
    `\r${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${Math.round(share * 100)} % ${mebibytes(doneBytes)}`,
  )
}

function clearBar(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

const isProgress = (value: unknown): value is { doneBytes: number; totalBytes?: number } =>
  typeof value === 'object' && value !== null && 'doneBytes' in value

export const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`

/** `30s`, `10m`, `2h` or a number of seconds -> ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text)
  if (!match) throw new CommandError('usage', `"${text}" is no duration: write 30s, 10m or 2h`)
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1_000
  return Math.round(Number(match[1]) * unit)
}
