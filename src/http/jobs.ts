/** Jobs over HTTP: handing one over, asking for it, waiting for its end, taking it back. */

import { z } from 'zod'
import { Fault } from '../fault.ts'
import { isKey } from '../queues/identity.ts'
import type { Input, JobName, Payload } from '../queues/jobs.ts'
import { parsePayload } from '../queues/parse.ts'
import type { EnqueueOptions, Job, Producer } from '../queues/producer.ts'
import type { JobRecord } from '../record/index.ts'
import { appOf, JobView, jobPath, viewOf } from './job-view.ts'
import { type Answer, type Asked, type Operation, operation } from './operation.ts'
import { Refusal } from './problem.ts'
import type { Caller } from './tokens.ts'

/** Last part of the path -> the job, and the producer's function that queues it. */
export const publicJobs = {
  upload: { name: 'media.upload', by: 'upload' },
  download: { name: 'media.download', by: 'download' },
  'upload-image': { name: 'media.upload-image', by: 'uploadImage' },
  article: { name: 'media.article', by: 'article' },
  'async-upload': { name: 'media.async-upload', by: 'asyncUpload' },
} as const satisfies Record<string, { readonly name: JobName; readonly by: keyof Producer }>

export type PublicJob = keyof typeof publicJobs

export interface JobParts {
  readonly producer: Producer
  /** Whether an app of this id is configured. */
  readonly isApp: (app: string) => boolean
  /** Callers that may wait at once, per process. Default 500. */
  readonly waitersMax?: number
}

const JobRef = z
  .object({ id: z.string(), name: z.string(), url: z.string().describe('Where to ask for it.') })
  .meta({ title: 'JobRef' })

export const KeyHeader = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('Printable ASCII. The same key of one token is the same job: 200 instead of 202.'),
})

export const Again = z.object({
  again: z.stringbool().optional().describe('Run the job of this key again if it failed or was cancelled.'),
})

export const handedOver = {
  202: { description: 'Accepted: a new job. `Location` says where to ask for it.', schema: JobRef },
  200: { description: 'The key is known, and this is its job.', schema: JobRef },
  409: { description: 'The key belongs to a job with another payload.' },
}

export const Id = z.object({ id: z.string().describe('As the answer to a POST has it.') })

/** How long one request may wait for an end, s: proxies cut what is silent for a minute. */
const waitMaxS = 55

const Wait = z.object({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(waitMaxS, `must be 0 to ${waitMaxS}`)
    .optional()
    .describe('Answer at the end of the job, or after so many seconds.'),
})

export type AskedPost = Asked<unknown, Partial<z.output<typeof Again>>>

export interface Handed {
  /** Nobody has looked at it yet. */
  readonly body: unknown
  /** Default: the caller's, or none. */
  readonly key?: string
}

/** Queues a payload. Faults: those of the producer; 403 for an app of others. */
export async function handOver(
  parts: JobParts,
  job: PublicJob,
  asked: AskedPost,
  { body, key = keyIn(asked.request.headers['idempotency-key']) }: Handed,
): Promise<Answer> {
  const payload = demandPayload(parts, job, asked, body)
  const { again } = asked.query
  const options = {
    tenant: tenantOf(asked.caller),
    ...(key !== undefined && { key }),
    ...(again !== undefined && { again }),
  }
  type Enqueue = (payload: Input<JobName>, options: EnqueueOptions) => Promise<Job<JobName>>
  const { id, name, isNew } = await (parts.producer[publicJobs[job].by] as Enqueue)(payload, options)
  const url = jobPath(id)
  return { status: isNew ? 202 : 200, body: { id, name, url }, headers: { location: url } }
}

/** The payload, if it is one and the caller's to give. */
export function demandPayload(
  { isApp }: JobParts,
  job: PublicJob,
  { caller }: Pick<AskedPost, 'caller'>,
  body: unknown,
): Payload<JobName> {
  const payload = parsePayload(publicJobs[job].name, body)
  demandApp(caller, payload.app, isApp)
  return payload
}

/** Keys of tokens never meet those of other producers. */
export const tenantOf = ({ name }: Caller): string => `http:${name}`

export function keyIn(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && isKey(header)) return header
  throw new Fault('invalid', 'Idempotency-Key has 1 to 255 printable ASCII characters, and comes once')
}

/** Throws 403 for an app that is not the token's, and `invalid` for one that nobody knows. */
export function demandApp(caller: Caller, app: string, isApp: JobParts['isApp']): void {
  if (!caller.mayUse(app))
    throw new Refusal(403, 'token', `the token "${caller.name}" is not for the app "${app}"`)
  if (!isApp(app)) throw new Fault('invalid', `no app is called "${app}" here: correct app`)
}

export const readJob = (parts: JobParts): Operation => {
  const { waitersMax = 500 } = parts
  let waiters = 0
  return operation({
    ...{ id: 'get-job', verb: 'GET', path: '/v1/jobs/:id', right: 'read', params: Id, query: Wait },
    summary: 'What is known of a job; with `wait`, as soon as it has ended.',
    answers: { 200: { description: 'The job as it is now.', schema: JobView } },
    async handle({ caller, params: { id }, query: { wait = 0 }, signal }) {
      const record = await ownJob(parts, caller, id)
      // Beyond the cap nobody is refused: the answer is what is known now.
      if (wait === 0 || record.endedAtMs !== undefined || waiters >= waitersMax)
        return { status: 200, body: viewOf(record) }
      waiters += 1
      try {
        await parts.producer.result(id, { timeoutMs: wait * 1000, signal }).catch(() => undefined)
      } finally {
        waiters -= 1
      }
      return { status: 200, body: viewOf(await ownJob(parts, caller, id)) }
    },
  })
}

export const cancelJob = (parts: JobParts): Operation =>
  operation({
    ...{ id: 'cancel-job', verb: 'DELETE', path: '/v1/jobs/:id', right: 'write', params: Id },
    summary: 'Cancel a job; a call that is under way is cut.',
    answers: {
      200: { description: 'It will not run any more.', schema: JobView },
      409: { description: 'It had ended before.' },
    },
    async handle({ caller, params: { id } }) {
      const { state } = await ownJob(parts, caller, id)
      if (await parts.producer.cancel(id))
        return { status: 200, body: viewOf(await ownJob(parts, caller, id)) }
      throw new Fault('conflict', `the job had ended before (${state}): there is nothing to cancel`)
    },
  })

const idPattern = /^[A-Za-z0-9_.-]{1,160}$/

/** Throws `not-found` for a job that is not there, and the same for one of an app of others. */
export async function ownJob({ producer }: JobParts, caller: Caller, id: string): Promise<JobRecord> {
  const record = idPattern.test(id) ? await producer.read(id) : undefined
  const app = record && appOf(record)
  if (record && app !== undefined && caller.mayUse(app)) return record
  throw new Fault('not-found', `no job ${id.slice(0, 160)}: the id is wrong, or it was forgotten long ago`)
}
