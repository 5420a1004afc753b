/** The one place where a job runs. Reads as a list: claim, parse, perform, name the outcome, write it down, tell BullMQ. */

import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'
import type { Clock } from '../clock.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { scrub } from '../log.ts'
import { wakingPriority } from '../queues/add.ts'
import { isJobName, type JobName } from '../queues/jobs.ts'
import { parsePayload } from '../queues/parse.ts'
import type { Follower, Records } from '../record/index.ts'
import { type Attempt, begin, contextOf, type Interruption } from './attempt.ts'
import type { Processor, Progress, Resources } from './context.ts'
import { processors } from './index.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { sparingly } from './progress.ts'
import type { RunReport } from './report.ts'
import { appOf, conflictOf, hasBody, requestOf, unknownName } from './request.ts'

export interface RunParts {
  readonly records: Records
  readonly resources: Resources
  readonly clock: Clock
  /** Attempts under way in this process, by job id. */
  readonly running: Map<string, Attempt>
  /** No attempt may go on: one whose claim was under way at the end of the grace is handed back at once. */
  readonly isStopping: () => boolean
  /** Repeats a write to the record while Redis refuses writes; see error-gate.ts. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>
  /** Cuts the wait of other jobs short. Never rejects. */
  readonly wake: (jobs: readonly Follower[]) => void
  readonly onEnd?: (report: RunReport) => void
}

export async function runJob(
  parts: RunParts,
  job: Job,
  token: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const startedMs = parts.clock.monotonicMs()
  const request = requestOf(job)
  const tell = teller(parts, job, request.id, startedMs)
  const claim = await parts.records.claim(request, { jobId: job.id ?? '', token })
  if (claim.as === 'not-holder') throw new Error('the lock was lost before the job began')
  if (claim.as === 'ended') return replay(claim)
  if (claim.as === 'conflict') {
    tell({ outcome: 'failed', kind: 'conflict' })
    throw new UnrecoverableError(conflictOf(request.id))
  }
  const attempt = begin(parts, request.id, claim, signal)
  const end = { parts, job, token, attempt, tell }
  parts.running.set(attempt.id, attempt)
  if (parts.isStopping()) attempt.interrupt('shutdown')
  try {
    const outcome = await perform(parts, job, attempt)
    if (outcome.as === 'done') return await accept(end, outcome)
    return await (attempt.interruption ? interrupted(end, attempt.interruption) : settle(end, outcome))
  } finally {
    if (parts.running.get(attempt.id) === attempt) parts.running.delete(attempt.id)
  }
}

async function perform(
  { records, resources, clock }: RunParts,
  job: Job,
  attempt: Attempt,
): Promise<Outcome<unknown>> {
  const remainingMs = attempt.remainingMs()
  const letGo = clock.after(Math.max(0, remainingMs), () => attempt.interrupt('expired'))
  const progress = sparingly(progressOf(records, job, attempt), clock)
  try {
    if (remainingMs <= 0) attempt.interrupt('expired')
    attempt.signal.throwIfAborted()
    if (!isJobName(job.name)) throw unknownName(job.name)
    const processor = processors[job.name] as Processor<JobName>
    const bull = { queue: job.queueName, jobId: job.id ?? '' }
    const urgent = job.data?.urgent === true
    const { attemptsMade } = job
    const claimant = { ...bull, ...records.keysOf(attempt.id, bull), urgent }
    return await processor(
      parsePayload(job.name, job.data),
      contextOf(attempt, { urgent, claimant, progress: progress.tell, attemptsMade }),
      resources,
    )
  } catch (thrown) {
    const isLastAttempt = job.attemptsMade + 1 >= (job.opts.attempts ?? 1)
    const { busyTries } = attempt
    return outcomeOf(thrown, { busyTries, remainingMs: attempt.remainingMs(), isLastAttempt })
  } finally {
    letGo()
    progress.end()
  }
}

/** For callers in the record, for the board in BullMQ's job. */
const progressOf =
  (records: Records, job: Job, attempt: Attempt) =>
  (progress: Progress): Promise<unknown> =>
    Promise.all([records.progress(attempt, JSON.stringify(progress)), job.updateProgress({ ...progress })])

/** The job has its end already; BullMQ's copy of it was lost. */
function replay({ state, json }: { readonly state: string; readonly json: string }): unknown {
  if (state === 'done') return JSON.parse(json)
  throw new UnrecoverableError((JSON.parse(json) as FaultReport).message)
}

/** Everything that ending a job needs. */
interface End {
  readonly parts: RunParts
  readonly job: Job
  readonly token: string
  readonly attempt: Attempt
  readonly tell: (report: Omit<RunReport, 'id' | 'name' | 'app' | 'hasBody' | 'ms' | 'ageMs'>) => void
}

function teller({ clock, onEnd }: RunParts, job: Job, id: string, startedMs: number): End['tell'] {
  const { name, attemptsStarted, timestamp, processedOn = timestamp } = job
  const first = attemptsStarted === 1 ? { waitedMs: Math.max(0, processedOn - timestamp) } : {}
  return report => {
    const ageMs = Math.max(0, clock.nowMs() - timestamp)
    const who = { id, name, ...appOf(job), hasBody: hasBody(job) }
    onEnd?.({ ...who, ms: clock.monotonicMs() - startedMs, ageMs, ...first, ...report })
  }
}

async function accept(
  { parts, attempt, tell }: End,
  { result, write, kept }: Extract<Outcome<unknown>, { as: 'done' }>,
): Promise<unknown> {
  const accepted = await parts.persist(() => parts.records.accept(attempt.id, result, write, kept))
  if (accepted.as === 'accepted') parts.wake(accepted.followers)
  tell({ outcome: accepted.as === 'accepted' ? 'done' : 'duplicate' })
  return accepted.as === 'accepted' ? result : replay(accepted)
}

/** Nothing is wrong with the job, but this attempt of it must not go on. */
async function interrupted(end: End, why: Interruption): Promise<never> {
  const { parts, attempt, tell } = end
  if (why === 'expired') return fail(end, new Fault('expired', 'the deadline of the job passed while it ran'))
  if (why === 'superseded') {
    tell({ outcome: 'lease-lost' })
    throw new Error('another attempt of the job has begun')
  }
  if (why === 'cancelled') {
    tell({ outcome: 'cancelled', kind: 'cancelled' })
    // Somebody may have asked for it again meanwhile.
    if ((await parts.records.read(attempt.id))?.state === 'queued') return handBack(end)
    throw new UnrecoverableError('cancelled on request')
  }
  await parts.persist(() => parts.records.settle(attempt, { as: 'queued' }))
  tell({ outcome: why === 'shutdown' ? 'handed-back' : 'lease-lost' })
  return handBack(end)
}

/** Costs no attempt. Fails when the lock is gone: then another worker has the job, or will. */
async function handBack({ job, token }: End): Promise<never> {
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
  await job
    .updateProgress({ waitUntilMs: parts.clock.nowMs() + outcome.ms, why: { ...safe(why) } })
    .catch(() => undefined)
  await job.changePriority({
    priority: wakingPriority(why.booking !== undefined, job.data?.urgent === true, why.kind === 'pending'),
  })
  await job.moveToDelayed(parts.clock.nowMs() + outcome.ms, token)
  // A callback that came while the job was still active could not wake it. After the move it can, and before it leaves word.
  if (why.kind === 'pending' && (await parts.records.isWoken(attempt.id)))
    await job.promote().catch(() => undefined)
  throw new DelayedError()
}

async function fail({ parts, attempt, tell }: End, why: Fault): Promise<never> {
  const fault = safe(why)
  const settled = await parts.persist(() => parts.records.settle(attempt, { as: 'failed', fault }))
  tell(settled.as === 'settled' ? { outcome: 'failed', ...fault } : { outcome: 'lease-lost' })
  throw new UnrecoverableError(fault.message)
}

/** What may be stored and shown. */
const safe = (why: Fault): FaultReport => ({ ...why.report(), message: scrub(why.message) })
