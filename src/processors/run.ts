/** The one place where a job runs. Reads as a list: claim, parse, perform, name the outcome, write it down, tell BullMQ. */

import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'
import type { Clock } from '../clock.ts'
import { Fault, type FaultReport, type Kind } from '../fault.ts'
import { scrub } from '../log.ts'
import { recordId } from '../queues/identity.ts'
import { isJobName, type JobName, jobs } from '../queues/jobs.ts'
import { fingerprintOf, parsePayload } from '../queues/parse.ts'
import type { Records, Request } from '../record/index.ts'
import { type Attempt, begin, contextOf, type Interruption } from './attempt.ts'
import type { Processor, Resources } from './context.ts'
import { processors } from './index.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { sparingly } from './progress.ts'

export interface RunParts {
  readonly records: Records
  readonly resources: Resources
  readonly clock: Clock
  /** Attempts under way in this process, by job id. */
  readonly running: Map<string, Attempt>
  /** Repeats a write to the record while Redis refuses writes; see error-gate.ts. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>
  readonly onEnd?: (report: RunReport) => void
}

/** What one attempt came to; for metrics and logs. */
export interface RunReport {
  readonly id: string
  readonly name: string
  readonly outcome:
    | 'done'
    | 'duplicate'
    | 'wait'
    | 'retry'
    | 'failed'
    | 'cancelled'
    | 'handed-back'
    | 'lease-lost'
  readonly kind?: Kind
  readonly errcode?: number
  readonly message?: string
  readonly ms: number
  /** From being queued to the start of the first attempt, ms. */
  readonly waitedMs?: number
}

/** setTimeout's longest delay; a longer one would fire at once. */
const timerMaxMs = 2 ** 31 - 1

export async function runJob(
  parts: RunParts,
  job: Job,
  token: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const startedMs = parts.clock.monotonicMs()
  const request = requestOf(job)
  const claim = await parts.records.claim(request, { jobId: job.id ?? '', token })
  if (claim.as === 'not-holder') throw new Error('the lock was lost before the job began')
  if (claim.as === 'ended') return replay(claim)
  if (claim.as === 'conflict') throw new UnrecoverableError(conflict(request.id))
  const attempt = begin(parts.records, request.id, claim, signal)
  const end = { parts, job, token, attempt, tell: teller(parts, job, attempt, startedMs) }
  parts.running.set(attempt.id, attempt)
  try {
    const outcome = await perform(parts, job, attempt, claim.remainingMs)
    if (outcome.as === 'done') return await accept(end, outcome.result)
    return await (attempt.interruption ? interrupted(end, attempt.interruption) : settle(end, outcome))
  } finally {
    if (parts.running.get(attempt.id) === attempt) parts.running.delete(attempt.id)
  }
}

function requestOf(job: Job): Request {
  const { name, queueName: queue } = job
  const id = recordId(queue, job.id ?? '')
  const payload = JSON.stringify(job.data)
  // Not parsed yet: a foreign producer's nonsense must not look like a deadline that has passed.
  const asked = Number(job.data?.deadlineMs)
  const usual = isJobName(name) ? jobs[name].deadlineMs : jobs['media.upload'].deadlineMs
  const deadlineMs = Number.isInteger(asked) && asked >= 1_000 ? asked : usual
  return { id, name, queue, payload, fingerprint: fingerprintOf(name, payload), deadlineMs }
}

const conflict = (id: string): string =>
  `another request has the id ${id} (its data was changed, or a producer used the id again): queue it with an id of its own`

/** The job has its end already; BullMQ's copy of it was lost. */
function replay({ state, json }: { readonly state: string; readonly json: string }): unknown {
  if (state === 'done') return JSON.parse(json)
  throw new UnrecoverableError((JSON.parse(json) as FaultReport).message)
}

async function perform(
  { records, resources, clock }: RunParts,
  job: Job,
  attempt: Attempt,
  remainingMs: number,
): Promise<Outcome<unknown>> {
  const timer = new AbortController()
  const deadline = clock.sleep(Math.min(Math.max(0, remainingMs), timerMaxMs), timer.signal)
  deadline.then(() => attempt.interrupt('expired')).catch(() => undefined)
  try {
    if (remainingMs <= 0) attempt.interrupt('expired')
    attempt.signal.throwIfAborted()
    if (!isJobName(job.name)) throw unknownName(job.name)
    const processor = processors[job.name] as Processor<JobName>
    // For callers in the record, for the board in BullMQ's job.
    const write = (json: string) =>
      Promise.all([records.progress(attempt, json), job.updateProgress(JSON.parse(json))])
    const progress = sparingly(write, clock)
    return await processor(
      parsePayload(job.name, job.data),
      contextOf(attempt, job.data?.urgent === true, progress),
      resources,
    )
  } catch (thrown) {
    const isLastAttempt = job.attemptsMade + 1 >= (job.opts.attempts ?? 1)
    return outcomeOf(thrown, { busyTries: attempt.busyTries, remainingMs, isLastAttempt })
  } finally {
    timer.abort()
  }
}

const unknownName = (name: string): Fault =>
  new Fault('invalid', `no job is called ${name.slice(0, 64)}: known are ${Object.keys(jobs).join(', ')}`)

/** Everything that ending a job needs. */
interface End {
  readonly parts: RunParts
  readonly job: Job
  readonly token: string
  readonly attempt: Attempt
  readonly tell: (report: Omit<RunReport, 'id' | 'name' | 'ms'>) => void
}

function teller({ clock, onEnd }: RunParts, job: Job, { id }: Attempt, startedMs: number): End['tell'] {
  const { name, attemptsStarted, timestamp, processedOn = timestamp } = job
  const first = attemptsStarted === 1 ? { waitedMs: Math.max(0, processedOn - timestamp) } : {}
  return report => onEnd?.({ id, name, ms: clock.monotonicMs() - startedMs, ...first, ...report })
}

async function accept({ parts, attempt, tell }: End, result: unknown): Promise<unknown> {
  const accepted = await parts.persist(() => parts.records.accept(attempt.id, result))
  tell({ outcome: accepted.as === 'accepted' ? 'done' : 'duplicate' })
  return accepted.as === 'accepted' ? result : replay(accepted)
}

/** Nothing is wrong with the job, but this attempt of it must not go on. */
async function interrupted(end: End, why: Interruption): Promise<never> {
  const { parts, job, token, attempt, tell } = end
  if (why === 'expired') return fail(end, new Fault('expired', 'the deadline of the job passed while it ran'))
  if (why === 'cancelled') {
    tell({ outcome: 'cancelled', kind: 'cancelled' })
    throw new UnrecoverableError('cancelled on request')
  }
  if (why !== 'shutdown') {
    tell({ outcome: 'lease-lost' })
    throw new Error(`the attempt lost its lease (${why})`)
  }
  await parts.persist(() => parts.records.settle(attempt, { as: 'queued' }))
  tell({ outcome: 'handed-back' })
  await job.moveToWait(token)
  throw new WaitingError()
}

async function settle(end: End, outcome: Exclude<Outcome<unknown>, { as: 'done' }>): Promise<never> {
  const { parts, job, token, attempt, tell } = end
  const { why } = outcome
  if (outcome.as === 'stop') return fail(end, why)
  if (outcome.as === 'retry') {
    await parts.persist(() => parts.records.settle(attempt, { as: 'queued', why: safe(why) }))
    tell({ outcome: 'retry', ...safe(why) })
    throw new Fault(why.kind, scrub(why.message), { ...(why.waitMs !== undefined && { waitMs: why.waitMs }) })
  }
  await parts.persist(() =>
    parts.records.settle(attempt, { as: 'waiting', ms: outcome.ms, why: safe(why), booking: why.booking }),
  )
  tell({ outcome: 'wait', ...safe(why) })
  // When it wakes it goes to its own grant, not behind the backlog.
  await job.changePriority({ priority: 0 })
  await job.moveToDelayed(parts.clock.nowMs() + outcome.ms, token)
  throw new DelayedError()
}

async function fail({ parts, attempt, tell }: End, why: Fault): Promise<never> {
  const fault = safe(why)
  await parts.persist(() => parts.records.settle(attempt, { as: 'failed', fault }))
  tell({ outcome: 'failed', ...fault })
  throw new UnrecoverableError(fault.message)
}

/** What may be stored and shown. */
const safe = (why: Fault): FaultReport => ({ ...why.report(), message: scrub(why.message) })
