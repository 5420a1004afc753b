/** A job with its bytes: a form, or the bytes themselves with their fields in the query. They are on disk before the job is queued, and gone when it is not. */

import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../fault.ts'
import { type Body, receiveBody, removeBodiesOf, removeBody, tooBig } from '../files/bodies.ts'
import { safeName } from '../files/safe-name.ts'
import { jobId } from '../queues/identity.ts'
import { jobs } from '../queues/jobs.ts'
import type { JobRecord } from '../record/index.ts'
import { isMediaType, mediaTypes, permanentImage } from '../wecom/media-types.ts'
import { type Fields, type Form, formIn } from './form.ts'
import {
  demandPayload,
  handOver,
  type JobParts,
  keyIn,
  type PublicJob,
  publicJobs,
  tenantOf,
} from './jobs.ts'
import type { Answer, Asked } from './operation.ts'

export type FileJob = 'upload' | 'upload-image' | 'article'

export interface BodyParts extends JobParts {
  /** The folder that http and workers share. */
  readonly spool: string
  /** Bodies on their way at once, per process. Default 100. */
  readonly bodiesMax?: number
}

const mib = 1024 * 1024
const uploadMaxBytes = Math.max(...Object.values(mediaTypes).map(({ maxBytes }) => maxBytes))

/** What a form may have besides its file, bytes. */
const formMaxBytes = 128 * 1024

/** The most that any request may bring. */
export const bodyMaxBytes = uploadMaxBytes + formMaxBytes

/** An article has as much room as its processor gives it. */
function capOf(job: FileJob, type: unknown): number {
  if (job === 'upload-image') return permanentImage.maxBytes
  if (job === 'article') return 20 * mib
  return isMediaType(type) ? mediaTypes[type].maxBytes : uploadMaxBytes
}

/** What stands beside the bytes: the fields of the payload, without those that say where bytes are, or that need them later. */
export const fieldsOf = (job: FileJob): z.ZodObject => {
  const { source: _source, html: _html, keepAlive: _keep, ...shape } = shapeOf(job)
  return z.object(
    Object.fromEntries(
      Object.entries(shape).map(([name, field]) => [
        name,
        z
          .string()
          .optional()
          .describe(field.description ?? 'Of the payload, where the body is the file itself.'),
      ]),
    ),
  )
}

const shapeOf = (job: FileJob): Record<string, z.ZodType> => ({ ...jobs[publicJobs[job].name].payload.shape })

/** Texts as what the schema wants them to be: `true`, `60000`. */
function typed(job: FileJob, fields: Fields): Record<string, unknown> {
  const shape = shapeOf(job)
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => {
      const isText = shape[name] === undefined || shape[name].safeParse(text).success
      return [name, isText ? text : jsonIn(text)]
    }),
  )
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const takesBody = (job: PublicJob): job is FileJob =>
  job === 'upload' || job === 'upload-image' || job === 'article'

type AskedBody = Asked<unknown, { readonly again?: boolean | undefined; readonly [field: string]: unknown }>

/** Faults: those of `receiveBody` and `handOver`; `busy` when too many bodies are on their way. */
export function bodyTaker(parts: BodyParts): (job: FileJob, asked: AskedBody) => Promise<Answer> {
  const { bodiesMax = 100 } = parts
  let underWay = 0
  return async (job, asked) => {
    if (underWay >= bodiesMax)
      throw new Fault('busy', `${bodiesMax} bodies are on their way already: send it again in a moment`, {
        waitMs: 2_000,
      })
    underWay += 1
    try {
      return await take(parts, job, asked)
    } finally {
      underWay -= 1
    }
  }
}

async function take(parts: BodyParts, job: FileJob, asked: AskedBody): Promise<Answer> {
  const { spool } = parts
  const key = keyIn(asked.request.headers['idempotency-key'])
  const { fields, body, fileName } = await received(spool, job, asked)
  let given: Given | undefined
  try {
    const name = fields['name'] ?? (fileName === undefined ? undefined : safeName(fileName, 'file'))
    if (name === undefined && job !== 'article')
      throw new Fault('invalid', 'the bytes have no name: give their part a file name, or add the field name')
    const tenant = tenantOf(asked.caller)
    // Without a key of the caller's the job has one that nobody else has: its id is known before it is queued.
    const own = key ?? randomUUID()
    const id = jobId(tenant, publicJobs[job].name, own)
    const named = job === 'article' ? {} : { name }
    const payload = (source: object) => ({ ...typed(job, fields), ...named, source })
    // What is wrong with the fields is told before anything has a name in the spool.
    demandPayload(parts, job, asked, payload({ spooled: `${id}/${'0'.repeat(64)}` }))
    const ref = await body.keepFor(id, name ?? '.html')
    given = { id, ref, isOwn: key === undefined }
    const answer = await handOver(parts, job, asked, { body: payload({ spooled: ref }), key: own })
    if (answer.status === 200) await forgetIfDone(parts, id)
    return answer
  } catch (error) {
    await body.discard()
    if (given && isRefused(error)) await takeBack(parts, given)
    throw error
  }
}

/** Where Redis is silent nobody knows whether the job was queued: the sweep will. */
const isRefused = (error: unknown): boolean => error instanceof Fault && error.kind !== 'unavailable'

interface Given {
  readonly id: string
  readonly ref: string
  /** Nobody else can ask for this id. */
  readonly isOwn: boolean
}

/**
 * The body of a request that was refused. The job of the same key may have the same bytes, in the same place, and another
 * request may be about to queue it: what could be needed stays, and the sweep finds it.
 */
async function takeBack({ producer, spool }: BodyParts, { id, ref, isOwn }: Given): Promise<void> {
  const record = isOwn ? undefined : await producer.read(id).catch(() => undefined)
  if (isOwn || (record && spooledOf(record) !== ref)) await removeBody(spool, ref)
}

const spooledOf = ({ payload }: JobRecord): unknown =>
  (JSON.parse(payload) as { readonly source?: { readonly spooled?: unknown } } | null)?.source?.spooled

/** The request was repeated after its job: the body came for nothing. */
async function forgetIfDone({ producer, spool }: BodyParts, id: string): Promise<void> {
  const record = await producer.read(id).catch(() => undefined)
  if (record?.state === 'done') await removeBodiesOf(spool, id)
}

async function received(spool: string, job: FileJob, asked: AskedBody): Promise<Form> {
  const { request, query, signal } = asked
  const { again: _again, ...beside } = query
  const maxBytesOf = (fields: Fields) => capOf(job, fields['type'] ?? beside['type'])
  const announced = Number(request.headers['content-length'] ?? 0)
  const isForm = request.isMultipart()
  if (announced > maxBytesOf({}) + (isForm ? formMaxBytes : 0)) throw tooBig(maxBytesOf({}))
  const take = (stream: NodeJS.ReadableStream, fields: Fields) =>
    receiveBody(spool, stream as Readable, { maxBytes: maxBytesOf(fields), signal })
  if (!isForm) {
    const body = await take(request.raw, {})
    return { body: await demandBytes(body), fields: withoutUndefined(beside), fileName: undefined }
  }
  const form = await formIn(request, take)
  await demandBytes(form.body)
  // The type may have come behind the file.
  const maxBytes = maxBytesOf(form.fields)
  if (form.body.sizeBytes <= maxBytes)
    return { ...form, fields: { ...withoutUndefined(beside), ...form.fields } }
  await form.body.discard()
  throw tooBig(maxBytes)
}

async function demandBytes(body: Body): Promise<Body> {
  if (body.sizeBytes > 0) return body
  await body.discard()
  throw new Fault('invalid', 'the body is empty: send the bytes of the file')
}

const withoutUndefined = (fields: Readonly<Record<string, unknown>>): Fields =>
  Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
