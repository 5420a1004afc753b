/**
 * media.async-upload: the platform fetches a URL by itself. Submit, wait for its callback or ask, result: one job, whose
 * state is kept in its record, so that it goes on from wherever a worker died. Only a submission whose answer was lost is
 * made twice.
 */

import { Fault, faultFrom } from '../fault.ts'
import { checkName } from '../files/inspect.ts'
import type { Payload, Result } from '../queues/jobs.ts'
import { asyncMedia } from '../wecom/media-types.ts'
import {
  aliasOf,
  endOf,
  type Submission,
  type Submitted,
  submissionsIn,
  submissionsMax,
  waitBeforeLook,
} from './async-submission.ts'
import type { JobContext, Processor, Resources } from './context.ts'
import { done, type Outcome, Stopped, stop, wait } from './outcome.ts'

export const asyncUpload: Processor<'media.async-upload'> = async (payload, context, resources) => {
  const submissions = submissionsIn(context.steps)
  const last = submissions.at(-1)
  if (last && !last.end) return look(last, payload, context, resources)
  const { submission, early } = await submit(submissions.length + 1, payload, context, resources)
  // Its end was heard of before anybody here knew the jobid.
  if (early) return look(submission, payload, context, resources)
  return later(submission, context)
}

type Request = Payload<'media.async-upload'>

async function submit(number: number, payload: Request, context: JobContext, resources: Resources) {
  const { app, type, name, url, onUnknown } = payload
  const client = resources.client(app)
  if (context.attempt.wasUnknown && onUnknown === 'hold') throw held()
  checkName(name, asyncMedia.nameMaxBytes)
  const facts = await preflight(payload, context, resources)
  const { writing } = context
  const { jobId } = await client.uploadByUrl({ type, name, url, md5: facts.md5 }, writing).catch(error => {
    const isHeld = onUnknown === 'hold' && error instanceof Fault && error.kind === 'unknown'
    throw isHeld ? held(error) : error
  })
  const submitted: Submitted = { jobId, ...facts }
  const kept = await context.keep(`submitted:${number}`, submitted, aliasOf(resources.corpOf(app), jobId))
  // Another attempt's, where that was first.
  const value = kept.step.value as Submitted
  return { submission: { ...value, number, atMs: kept.step.atMs }, early: kept.early }
}

const held = (cause?: Fault): Stopped =>
  new Stopped(
    new Fault(
      'unknown',
      'nobody knows whether the platform took the submission: ask for the job again to submit once more (onUnknown: hold)',
      { cause },
    ),
  )

/** What would fail at the platform in some minutes fails here, now, with the reason. */
async function preflight(
  { type, url, md5 }: Request,
  { signal, progress }: JobContext,
  { web }: Resources,
): Promise<Omit<Submitted, 'jobId'>> {
  const { minBytes, maxBytes } = asyncMedia
  const { totalBytes } = await web.probe(url, signal)
  if (totalBytes < minBytes)
    throw new Fault('invalid', `the file has ${totalBytes} bytes: ${minBytes} or more are taken`)
  if (totalBytes > maxBytes)
    throw new Fault(
      'too-big',
      `the file has ${totalBytes} bytes, an async ${type} at most ${maxBytes}: make it smaller`,
    )
  if (md5 !== undefined) return { md5: md5.toLowerCase(), sizeBytes: totalBytes, computed: false }
  const read = await web.md5(url, { maxBytes, signal, onProgress: progress })
  return { ...read, computed: true }
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
  if (found.state === 'running') return later(submission, context)
  if (found.state === 'failed') return failed(submission, found.fault, payload, context)
  const { mediaId, createdAtMs, expiresAtMs } = found
  const facts = { type, name, sizeBytes, md5, createdAtMs, expiresAtMs }
  return done({ mediaId, ...facts, via: 'async' as const, usableFor: ['media/get', 'group-welcome'] })
}

/** A jobid that the platform no longer knows has failed, too. */
async function resultOf(resources: Resources, app: string, jobId: string, { reading }: JobContext) {
  try {
    return await resources.client(app).uploadByUrlResult(jobId, reading)
  } catch (error) {
    if (error instanceof Fault && error.kind === 'gone') return { state: 'failed', fault: error } as const
    throw error
  }
}

/** The platform could not do it: perhaps another submission can. */
async function failed(
  { number, computed }: Submission,
  fault: Fault,
  { onUnknown }: Request,
  { steps, attempt, keep }: JobContext,
): Promise<Outcome<never>> {
  const { step } = await keep(`ended:${number}`, fault.report())
  const why = faultFrom(step.value as ReturnType<Fault['report']>)
  const ends = submissionsIn(steps).filter(({ end }) => end && end.atMs >= attempt.openedAtMs).length + 1
  const { again, afterMs } = endOf(why, { computed, holds: onUnknown === 'hold' })
  if (!again || ends >= submissionsMax) return stop(why)
  return wait(afterMs * ends, new Fault('pending', `to be submitted again: ${why.message}`))
}

const later = (submission: Submission, { attempt }: JobContext): Outcome<never> => {
  const nowMs = attempt.nowMs()
  const ms = waitBeforeLook(nowMs, Math.max(submission.atMs, attempt.heardAtMs))
  const leftMs = attempt.remainingMs() - lastLookMs
  if (leftMs <= 0)
    return stop(new Fault('expired', 'the platform had not fetched the file by the deadline of the job'))
  const why = new Fault(
    'pending',
    'the platform is fetching the file: its callback or the next look will tell',
  )
  return wait(Math.min(ms, leftMs), why)
}

/** Before the deadline, ms: room for one more look. */
const lastLookMs = 1_000
