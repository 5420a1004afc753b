/**
 * media.async-upload: the platform fetches a URL by itself. Submit, wait for its callback or ask, result: one job, whose
 * state is kept in its record, so that it goes on from wherever a worker died. Only a submission whose answer was lost is
 * made twice.
 */

import { Fault } from '../fault.ts'
import { checkName } from '../files/inspect.ts'
import type { Subject } from '../ledger/index.ts'
import type { Payload, Result } from '../queues/jobs.ts'
import { checkAsyncUpload } from '../wecom/async-upload.ts'
import { asyncMedia } from '../wecom/media-types.ts'
import { afterEnd } from './async-again.ts'
import { type Facts, preflight } from './async-preflight.ts'
import {
  aliasOf,
  type Submission,
  type Submitted,
  submissionsIn,
  waitBeforeLook,
} from './async-submission.ts'
import type { JobContext, Processor, Resources } from './context.ts'
import { done, type Outcome, Stopped, stop, wait } from './outcome.ts'
import { followed, known, leading } from './reuse.ts'

export const asyncUpload: Processor<'media.async-upload'> = async (payload, context, resources) => {
  const outcome = await next(payload, context, resources)
  const md5 = submissionsIn(context.steps).at(-1)?.md5
  // Whoever waits for this job's result is to go on without it.
  if (outcome.as === 'stop' && md5 !== undefined)
    context.wake(await resources.ledger.release(subjectOf(payload, md5, resources), context.claimant))
  return outcome
}

const next: Processor<'media.async-upload'> = async (payload, context, resources) => {
  const submissions = submissionsIn(context.steps)
  const last = submissions.at(-1)
  if (last && !last.end) return look(last, payload, context, resources)
  const end = afterEnd(submissions, payload, context.attempt)
  if (end) return end
  checkRequest(payload, context, resources)
  // A file that the platform found changed is read again.
  const before = submissions.length > 0 ? undefined : (followed(context)?.value as Facts | undefined)
  const facts = before ?? (await preflight(payload, context, resources))
  const answer = await atHand(payload, facts, context, resources)
  if (answer) return answer
  const number = submissions.length + 1
  const { submission, early } = await submit(number, facts, payload, context, resources)
  // Its end was heard of before anybody here knew the jobid.
  if (early) return look(submission, payload, context, resources)
  return later(submission, context)
}

type Request = Payload<'media.async-upload'>

async function submit(
  number: number,
  facts: Facts,
  { app, type, name, url, onUnknown }: Request,
  context: JobContext,
  resources: Resources,
): Promise<{ readonly submission: Submission; readonly early: boolean }> {
  const { keep, writing } = context
  const client = resources.client(app)
  const { md5 } = facts
  const upload = () =>
    client.uploadByUrl({ type, name, url, md5 }, writing).catch(error => {
      const isHeld = onUnknown === 'hold' && error instanceof Fault && error.kind === 'unknown'
      throw isHeld ? held(error) : error
    })
  const subject = subjectOf({ app, type, name }, md5, resources)
  const { jobId } = await leading(subject, context, resources, upload)
  const submitted: Submitted = { jobId, ...facts }
  const alias = aliasOf(resources.corpOf(app), jobId)
  const { step, early } = await keep(`submitted:${number}`, submitted, { alias })
  // Another attempt's, where that was first.
  return { submission: { ...(step.value as Submitted), number, atMs: step.atMs }, early }
}

const held = (cause?: Fault): Stopped =>
  new Stopped(
    new Fault(
      'unknown',
      'nobody knows whether the platform took the submission: ask for the job again to submit once more (onUnknown: hold)',
      { cause },
    ),
  )

/** Before a byte is read for the md5. */
function checkRequest(
  { app, type, name, url, onUnknown }: Request,
  { attempt }: JobContext,
  resources: Resources,
): void {
  // Throws for an app that is not known here.
  resources.client(app)
  if (attempt.wasUnknown && onUnknown === 'hold') throw held()
  checkName(name, asyncMedia.nameMaxBytes)
  checkAsyncUpload({ type, name, url, md5: '0'.repeat(32) })
  if (resources.kindOf(app) !== 'provider') return
  throw new Fault(
    'config',
    `app "${app}" is a provider app, which can't upload by URL: name an app of a company`,
  )
}

async function look(
  submission: Submission,
  payload: Request,
  context: JobContext,
  resources: Resources,
): Promise<Outcome<Result<'media.async-upload'>>> {
  const { app, type, name } = payload
  const { jobId, sizeBytes, md5 } = submission
  const found = await resultOf(resources, app, jobId, context)
  if (found.state === 'running') return later(submission, context, found.why)
  if (found.state === 'failed') return failed(submission, found.fault, payload, context)
  const { mediaId, createdAtMs, expiresAtMs } = found
  const entry = { value: mediaId, createdAtMs, expiresAtMs, sizeBytes, job: context.id }
  const write = resources.ledger.write(subjectOf(payload, md5, resources), entry)
  return done({ ...{ mediaId, type, name, sizeBytes, md5, createdAtMs, expiresAtMs }, ...asAsync }, write)
}

const asAsync = { via: 'async' as const, usableFor: ['media/get' as const, 'group-welcome' as const] }

/** Never one of `media.upload`: the two are not interchangeable. */
const subjectOf = (
  { app, type, name }: Pick<Request, 'app' | 'type' | 'name'>,
  md5: string,
  { corpOf }: Resources,
): Subject => ({
  ...{ as: 'async', corp: corpOf(app), type, name, md5 },
})

/** The answer that is at hand; undefined when the file is to be submitted. */
async function atHand(
  payload: Request,
  facts: Facts,
  context: JobContext,
  resources: Resources,
): Promise<Outcome<Result<'media.async-upload'>> | undefined> {
  const { type, name } = payload
  const { sizeBytes, md5 } = facts
  const found = await known(subjectOf(payload, md5, resources), payload, context, resources, facts)
  if (!found) return undefined
  const { value: mediaId, createdAtMs, expiresAtMs = 0 } = found
  return done({ mediaId, type, name, sizeBytes, md5, createdAtMs, expiresAtMs, ...asAsync, reused: true })
}

/** A look that brought nothing says nothing of the file: the next one comes, and spends no attempt. */
const passing = ['transient', 'busy', 'token'] as const

/** A jobid that the platform no longer knows has failed, too. */
async function resultOf(resources: Resources, app: string, jobId: string, { reading, signal }: JobContext) {
  try {
    return { why: undefined, ...(await resources.client(app).uploadByUrlResult(jobId, reading)) }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Fault)) throw error
    if (error.kind === 'gone') return { state: 'failed', fault: error } as const
    if ((passing as readonly string[]).includes(error.kind)) return { state: 'running', why: error } as const
    throw error
  }
}

/** The platform could not do it: perhaps another submission can. What follows is told from what is kept, now as after a crash. */
async function failed(
  submission: Submission,
  fault: Fault,
  payload: Request,
  { steps, attempt, keep }: JobContext,
): Promise<Outcome<never>> {
  const { number } = submission
  const { step } = await keep(`ended:${number}`, fault.report())
  const submissions = submissionsIn(new Map([...steps, [`ended:${number}`, step]]))
  // There is nothing to wait for: another submission at once, in the next attempt.
  return (
    afterEnd(submissions, payload, attempt) ??
    wait(0, new Fault('pending', `submitted again: ${fault.message}`))
  )
}

function later(submission: Submission, { attempt }: JobContext, trouble?: Fault): Outcome<never> {
  const ms = waitBeforeLook(attempt.nowMs(), Math.max(submission.atMs, attempt.heardAtMs))
  const leftMs = attempt.remainingMs() - lastLookMs
  if (leftMs <= 0)
    return stop(new Fault('expired', 'the platform had not fetched the file by the deadline of the job'))
  const what = trouble
    ? `the platform could not be asked (${trouble.message})`
    : 'the platform is fetching the file'
  return wait(Math.min(ms, leftMs), new Fault('pending', `${what}: its callback or the next look will tell`))
}

/** Before the deadline, ms: room for one more look. */
const lastLookMs = 1_000
