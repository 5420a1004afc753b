/** TABLE of jobs: wire name -> queue, payload, result, attempts, deadline. Names are promises to data already queued: join, never rename. */

import { z } from 'zod'
import { FileRef } from '../files/file.ts'
import { mediaTypes, type MediaType as Type } from '../wecom/media-types.ts'

const hour = 3_600_000

const MediaType = z.enum(Object.keys(mediaTypes) as [Type, ...Type[]])

/** The configured id of an app: safe in keys and metric labels. */
const App = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, - and _, at most 64')
  .default('default')

export const deadlineMaxMs = 720 * hour

/** From acceptance to the end, milliseconds; shorter or longer than the table's, at most 30 days. */
const DeadlineMs = z.int().min(1_000).max(deadlineMaxMs).optional()

/** Ahead of the others that wait for the same limit. */
const Urgent = z.boolean().default(false)

const Name = z.string().min(1, 'must not be empty').max(255, 'at most 255 characters').optional()

/** Opaque to us; observed forms are 44 to 68 characters (notes/wecom-facts.md §3.4). */
const MediaId = z.string().regex(/^[\x21-\x7e]{1,256}$/, '1 to 256 visible ASCII characters')

const UploadPayload = z.strictObject({
  app: App,
  type: MediaType,
  source: FileRef,
  /** What users see when the media_id is sent; default: the base name of the source. */
  name: Name,
  urgent: Urgent,
  deadlineMs: DeadlineMs,
})

const UploadResult = z.object({
  mediaId: z.string(),
  type: MediaType,
  name: z.string(),
  sizeBytes: z.int(),
  /** By the platform's clock, ms. */
  createdAtMs: z.int(),
  /** Three days later: the platform forgets the media_id then. */
  expiresAtMs: z.int(),
  /** An async media_id is not interchangeable with this one. */
  via: z.literal('sync'),
})

const ImagePayload = z.strictObject({
  app: App,
  source: FileRef,
  name: Name,
  /**
   * When nobody knows whether the platform took an earlier call: `retry` sends the image again with a new unit of the
   * quota; `hold` ends the job, for a person to look.
   */
  onUnknown: z.enum(['retry', 'hold']).default('retry'),
  urgent: Urgent,
  deadlineMs: DeadlineMs,
})

const ImageResult = z.object({
  /** Permanent; shown inside WeCom only. Not a media_id and not interchangeable with one. */
  url: z.string(),
  name: z.string(),
  sizeBytes: z.int(),
})

const DownloadPayload = z.strictObject({
  app: App,
  mediaId: MediaId,
  /** Give up on anything larger, bytes; default: the worker's cap. */
  maxBytes: z.int().min(1).optional(),
  urgent: Urgent,
  deadlineMs: DeadlineMs,
})

const DownloadResult = z.object({
  mediaId: z.string(),
  /** Absolute, in the downloads folder of the worker; the file name is made of the job's id. */
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  /** The platform's name, made safe; data for people, never a path. */
  name: z.string().optional(),
  contentType: z.string().optional(),
})

export const jobs = {
  'media.upload': {
    queue: 'upload',
    payload: UploadPayload,
    result: UploadResult,
    attempts: 5,
    deadlineMs: 24 * hour,
  },
  'media.download': {
    queue: 'download',
    payload: DownloadPayload,
    result: DownloadResult,
    attempts: 8,
    deadlineMs: 24 * hour,
  },
  // Over quota a job waits for the next day or month: its deadline says how long that makes sense.
  'media.upload-image': {
    queue: 'image',
    payload: ImagePayload,
    result: ImageResult,
    attempts: 5,
    deadlineMs: 72 * hour,
  },
} as const

export type JobName = keyof typeof jobs
/** What a producer writes: defaults may be left out. */
export type Input<N extends JobName> = z.input<(typeof jobs)[N]['payload']>
/** What a processor reads: defaults are in. */
export type Payload<N extends JobName> = z.output<(typeof jobs)[N]['payload']>
export type Result<N extends JobName> = z.output<(typeof jobs)[N]['result']>
export type QueueName = (typeof jobs)[JobName]['queue']

export const queueNames: readonly QueueName[] = [...new Set(Object.values(jobs).map(job => job.queue))]

export const isJobName = (name: string): name is JobName => Object.hasOwn(jobs, name)

/** Cap on job data: references only, never bytes (DESIGN §2). */
export const payloadMaxBytes = 32 * 1024
