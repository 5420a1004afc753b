/** TABLE of jobs: wire name -> queue, payload, result, attempts, deadline. Names are promises to data already queued: join, never rename. */

import { z } from 'zod'
import { kinds } from '../fault.ts'
import { FileRef } from '../files/file.ts'
import { asyncMedia, mediaTypes, type MediaType as Type } from '../wecom/media-types.ts'
import { mediaLifeMs } from '../wecom/platform.ts'
import { App, Common, DeadlineMs, Urgent, Webhook } from './fields.ts'
import { KeepAliveWish } from './keep-alive-wish.ts'

export { deadlineMaxMs } from './fields.ts'

const hour = 3_600_000

const MediaType = z.enum(Object.keys(mediaTypes) as [Type, ...Type[]])

const Name = z.string().min(1, 'must not be empty').max(255, 'at most 255 characters').optional()

/** Opaque to us; observed forms are 44 to 68 characters (notes/wecom-facts.md §3.4). */
const MediaId = z.string().regex(/^[\x21-\x7e]{1,256}$/, '1 to 256 visible ASCII characters')

/**
 * Where the media_id is to be used: moments (朋友圈) and the product album (商品图册) take only one that was uploaded for
 * them; `cashier` (收银台) is for provider apps.
 */
const Attachment = z.enum(['moments', 'product-album', 'cashier']).optional()

/** `never` uploads the bytes even where a media_id for them is at hand. Default `allow`. */
const Reuse = z.enum(['allow', 'never']).optional()

/** A media_id that is at hand serves when it has so much of its three days left, ms; for sends that are scheduled. Default one hour. */
const MinLifeMs = z.int().min(0).max(mediaLifeMs, 'no media_id lives longer than three days').optional()

/** The answer was at hand: nothing was uploaded. */
const Reused = z.literal(true).optional()

const UploadPayload = z
  .strictObject({
    app: App,
    type: MediaType,
    source: FileRef,
    /** Default: messages. */
    attachment: Attachment,
    reuse: Reuse,
    minLifeMs: MinLifeMs,
    /** What users see when the media_id is sent; default: the base name of the source. */
    name: Name,
    /** Renewed under this name before it dies. */
    keepAlive: KeepAliveWish.optional(),
    ...Common,
  })
  .refine(
    ({ keepAlive, source }) => keepAlive === undefined || !('spooled' in source),
    'keepAlive needs a source that stays: a path or a url',
  )

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
  /** The one place where it may be used. */
  attachment: Attachment,
  reused: Reused,
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
  reuse: Reuse,
  ...Common,
})

const ImageResult = z.object({
  /** Permanent; shown inside WeCom only. Not a media_id and not interchangeable with one. */
  url: z.string(),
  name: z.string(),
  sizeBytes: z.int(),
  reused: Reused,
})

const DownloadPayload = z
  .strictObject({
    app: App,
    mediaId: MediaId,
    /** Give up on anything larger, bytes; default: the worker's cap. */
    maxBytes: z.int().min(1).optional(),
    /** A voice of the JS-SDK in high definition: Speex at 16 kHz instead of AMR at 8 kHz (media/get/jssdk). */
    voice: z.literal('speex').optional(),
    /** Of such a voice: `ogg`, which players and recognisers open (default), or `raw`, the frames as they came. */
    container: z.enum(['ogg', 'raw']).optional(),
    ...Common,
  })
  .refine(
    ({ voice, container }) => voice !== undefined || container === undefined,
    'container is for voice: speex only',
  )

const DownloadResult = z.object({
  mediaId: z.string(),
  /** Absolute, in the downloads folder of the worker; the file name is made of the job's id. */
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  /** The platform's name, made safe; data for people, never a path. */
  name: z.string().optional(),
  contentType: z.string().optional(),
  /** Of a voice that came as Speex. */
  durationMs: z.int().optional(),
})

/** What a document may weigh when it stands in the payload itself, bytes of UTF-8: room is left for the rest. */
const inlineMaxBytes = 24 * 1024

const ArticlePayload = z
  .strictObject({
    app: App,
    /** The document itself, or where it is. */
    html: z
      .string()
      .min(1)
      .refine(
        html => Buffer.byteLength(html) <= inlineMaxBytes,
        `at most ${inlineMaxBytes} bytes: use source`,
      )
      .optional(),
    source: FileRef.optional(),
    /** When an image can't be had or is refused: `fail` ends the job with its name, `keep` leaves it as it was. */
    onFailure: z.enum(['fail', 'keep']).default('fail'),
    /** As for media.upload-image. */
    onUnknown: z.enum(['retry', 'hold']).default('retry'),
    reuse: Reuse,
    ...Common,
  })
  .refine(({ html, source }) => (html === undefined) !== (source === undefined), 'give either html or source')

const ArticleImage = z.object({
  /** As it stood in the document, without query and user; of a data URI only its kind and length. */
  src: z.string(),
  /**
   * `reused`: the bytes were uploaded before, by another job. `repeated`: the bytes of an earlier image of this document.
   * `permanent`: it was WeCom's already. `kept`: left as it was, see `fault`.
   */
  as: z.enum(['uploaded', 'reused', 'repeated', 'permanent', 'kept']),
  url: z.string().optional(),
  sizeBytes: z.int().optional(),
  fault: z.object({ kind: z.enum(kinds), message: z.string(), errcode: z.int().optional() }).optional(),
})

const ArticleResult = z.object({
  /** The document with permanent URLs, when it came inline. */
  html: z.string().optional(),
  /** Where it is otherwise: in the downloads folder of the worker. */
  path: z.string().optional(),
  images: z.array(ArticleImage),
})

const AsyncPayload = z.strictObject({
  app: App,
  /** Images and voices have no asynchronous way (document/path/97126). */
  type: z.enum(asyncMedia.types),
  /** The platform fetches it by itself; its server must answer Range requests. */
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(
      url => Buffer.byteLength(url) <= asyncMedia.urlMaxBytes,
      `at most ${asyncMedia.urlMaxBytes} bytes`,
    ),
  /** What users see. */
  name: z
    .string()
    .min(1, 'must not be empty')
    .refine(
      name => Buffer.byteLength(name) <= asyncMedia.nameMaxBytes,
      `at most ${asyncMedia.nameMaxBytes} bytes of UTF-8`,
    ),
  /** Of the bytes behind the URL, hex; default: the worker reads them all and computes it. */
  md5: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/, '32 hex digits')
    .optional(),
  /** When nobody knows whether the platform took an earlier submission: submit again, or end the job. */
  onUnknown: z.enum(['retry', 'hold']).default('retry'),
  reuse: Reuse,
  minLifeMs: MinLifeMs,
  ...Common,
})

const AsyncResult = z.object({
  mediaId: z.string(),
  type: z.enum(asyncMedia.types),
  name: z.string(),
  sizeBytes: z.int(),
  md5: z.string(),
  createdAtMs: z.int(),
  expiresAtMs: z.int(),
  /** Not interchangeable with a media_id of media.upload. */
  via: z.literal('async'),
  /** It can be downloaded, and used in material of group-welcome messages (入群欢迎语素材); nothing else takes it. */
  usableFor: z.array(z.enum(['media/get', 'group-welcome'])),
  reused: Reused,
})

/** Tells a URL that a job has ended; queued by the workers themselves, see queues/notify.ts. */
const NotifyPayload = z.strictObject({
  app: App,
  /** Id of the record that has ended, and which end of it: one that is asked for again has another one later. */
  job: z.string().min(1).max(200),
  end: z.int().min(0),
  urgent: Urgent,
  deadlineMs: DeadlineMs,
})

const NotifyResult = z.object({
  /** `superseded`: the job was asked for again before anybody was told; its next end is. */
  as: z.enum(['delivered', 'superseded']),
  /** What the receiver answered. */
  status: z.int().optional(),
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
  'media.article': {
    queue: 'article',
    payload: ArticlePayload,
    result: ArticleResult,
    attempts: 8,
    deadlineMs: 72 * hour,
  },
  'media.async-upload': {
    queue: 'async',
    payload: AsyncPayload,
    result: AsyncResult,
    attempts: 5,
    deadlineMs: 24 * hour,
  },
  'media.notify': {
    queue: 'notify',
    payload: NotifyPayload,
    result: NotifyResult,
    // Their gaps, about a day in all, stand in webhooks/schedule.ts.
    attempts: 12,
    deadlineMs: 48 * hour,
    internal: true,
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

/** Jobs that people ask for; the others are queued by workers, for their own ends. */
export const publicJobs = (Object.keys(jobs) as JobName[]).filter(name => !('internal' in jobs[name]))

export const isWebhook = (value: unknown): value is string =>
  typeof value === 'string' && Webhook.safeParse(value).success

/** Cap on job data: references only, never bytes (DESIGN §2). */
export const payloadMaxBytes = 32 * 1024
