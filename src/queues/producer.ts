/** The producer: puts jobs on the queues, waits for results, cancels. The record comes first, so that nothing accepted is lost. */

import { type Clock, systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Asking, createKeepAlive, createLedger, type KeepAlive, keptId } from '../ledger/index.ts'
import { createRecords, endedChannel, type JobRecord, type Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { type Admin, createAdmin } from './admin.ts'
import { enqueue } from './enqueue.ts'
import { isKey, jobId } from './identity.ts'
import { type Input, type JobName, jobs, type Result } from './jobs.ts'
import { endPassed, nameTaken, wishOf } from './keep-alive-wish.ts'
import { allKept, type KeptMedia, letGo, type NameOf, oneKept } from './kept.ts'
import { tellEnd } from './notify.ts'
import { parsePayload } from './parse.ts'
import { reachable } from './reachable.ts'
import { listener, type ResultOptions, resultOf } from './result.ts'

export interface EnqueueOptions {
  /** The caller's idempotency key, 1 to 255 printable ASCII characters: the same key is the same job. Default: a new job. */
  readonly key?: string
  /** Whose key it is. Default: the payload's app. */
  readonly tenant?: string
  /** Run a job of this key again if it has failed or was cancelled. Default false. */
  readonly again?: boolean
}

export interface Job<N extends JobName> {
  readonly id: string
  readonly name: N
  /** False when the key was known and its job is the answer. */
  readonly isNew: boolean
}

export type { KeptMedia, NameOf, ResultOptions }

export interface Producer {
  /**
   * Queue an upload of temporary media. With `keepAlive` its media_id is renewed under a name; `conflict` also when that
   * name keeps another upload alive. Faults: `invalid`, `conflict`, `unavailable` (Redis).
   */
  upload(payload: Input<'media.upload'>, options?: EnqueueOptions): Promise<Job<'media.upload'>>
  /** Queue a download by media_id. Faults: `invalid`, `conflict`, `unavailable` (Redis). */
  download(payload: Input<'media.download'>, options?: EnqueueOptions): Promise<Job<'media.download'>>
  /** Queue an upload of a permanent image. Faults: `invalid`, `conflict`, `unavailable` (Redis). */
  uploadImage(
    payload: Input<'media.upload-image'>,
    options?: EnqueueOptions,
  ): Promise<Job<'media.upload-image'>>
  /** Queue an article: each image of the HTML becomes a permanent one. Faults: `invalid`, `conflict`, `unavailable` (Redis). */
  article(payload: Input<'media.article'>, options?: EnqueueOptions): Promise<Job<'media.article'>>
  /**
   * Queue an upload by URL of up to 200 MB. Its media_id serves `media/get` and group-welcome material only.
   * Faults: `invalid`, `conflict`, `unavailable` (Redis).
   */
  asyncUpload(
    payload: Input<'media.async-upload'>,
    options?: EnqueueOptions,
  ): Promise<Job<'media.async-upload'>>
  /**
   * The job's result, when it has one. Rejects with the job's `Fault`; with `not-found` for an unknown id; with a
   * DOMException `TimeoutError` or the signal's reason when the caller stops waiting.
   */
  result<N extends JobName>(job: Job<N>, options?: ResultOptions): Promise<Result<N>>
  result(id: string, options?: ResultOptions): Promise<unknown>
  /** What is known about a job now; undefined for an unknown or long forgotten id. */
  read(id: string): Promise<JobRecord | undefined>
  /**
   * True when the job will not run any more; false when it had ended before. A call that is under way is cut, but for one
   * that costs a unit of a quota: its answer is kept for later uploads.
   */
  cancel(job: { readonly id: string } | string): Promise<boolean>
  /**
   * The platform no longer knows this media_id (40007 when it was sent): the next upload of its bytes is a new one.
   * False when nothing was known of it.
   */
  forget(medium: { readonly corpId: string; readonly mediaId: string }): Promise<boolean>
  /**
   * The media_id that is kept alive under a name, for the app `default` where none is given; undefined for an unknown
   * name. Look at `state` or `expiresAtMs` before use. Faults: `unavailable` (Redis).
   */
  kept(name: NameOf): Promise<KeptMedia | undefined>
  /** All names, or those of one app; ended ones are shown for 14 days. Faults: `unavailable` (Redis). */
  keptNames(options?: { readonly app?: string }): Promise<readonly KeptMedia[]>
  /** Ends keeping alive; the media_id lives to its own end. False when nothing was kept. Faults: `unavailable` (Redis). */
  letGo(name: NameOf): Promise<boolean>
  close(): Promise<void>
}

export interface ProducerParts {
  /** Fails fast: see `connectProducer` in redis.ts. */
  readonly redis: Connection
  readonly namespace: string
  /** Opens the connection that listens for ends; called at the first `result`. */
  readonly subscribe: () => Connection
  readonly onError?: (error: Error) => void
  /** Throws for a webhook that the workers would refuse; default: theirs is the only check. */
  readonly admitWebhook?: (url: string) => void
  readonly clock?: Clock
}

export function produce({
  redis,
  namespace,
  subscribe,
  onError,
  admitWebhook,
  clock = systemClock,
}: ProducerParts): Producer {
  // Rejected, it is still owed: the workers see to it.
  const onOwed = (id: string) => void tellEnd({ records, admin }, id).catch(() => undefined)
  const records: Records = createRecords(redis, namespace, onOwed)
  const ledger = createLedger(redis, namespace)
  const admin = createAdmin(redis, namespace, onError ?? (() => undefined))
  const listening = listener(subscribe, endedChannel(namespace), clock)
  const names = createKeepAlive(redis, namespace)
  const put = enqueueTo({ records, admin, names, clock, ...(admitWebhook && { admitWebhook }) })
  return {
    upload: (payload, options) => put('media.upload', payload, options),
    download: (payload, options) => put('media.download', payload, options),
    uploadImage: (payload, options) => put('media.upload-image', payload, options),
    article: (payload, options) => put('media.article', payload, options),
    asyncUpload: (payload, options) => put('media.async-upload', payload, options),
    result: (job: { readonly id: string } | string, options?: ResultOptions) =>
      resultOf(records, listening.ends, idOf(job), options) as Promise<never>,
    read: id => reachable(() => records.read(id)),
    forget: ({ corpId, mediaId }) => reachable(() => ledger.forget(corpId, mediaId)),
    kept: name => reachable(() => oneKept(names, name)),
    keptNames: ({ app } = {}) => reachable(() => allKept(names, app)),
    letGo: name => reachable(() => letGo(names, name)),
    cancel: job => reachable(() => cancel(records, admin, idOf(job))),
    async close() {
      listening.close()
      await admin.close()
    },
  }
}

const idOf = (job: { readonly id: string } | string): string => (typeof job === 'string' ? job : job.id)

interface Parts extends Pick<ProducerParts, 'admitWebhook'> {
  readonly records: Records
  readonly admin: Admin
  readonly names: KeepAlive
  readonly clock: Clock
}

const enqueueTo =
  (parts: Parts) =>
  async <N extends JobName>(name: N, input: Input<N>, options: EnqueueOptions = {}): Promise<Job<N>> => {
    const { key, again = false } = options
    if (key !== undefined && !isKey(key))
      throw new Fault('invalid', 'a key has 1 to 255 printable ASCII characters')
    const payload = parsePayload(name, input)
    const webhook = 'webhook' in payload ? payload.webhook : undefined
    if (webhook !== undefined) parts.admitWebhook?.(webhook)
    const id = jobId(options.tenant ?? payload.app, name, key)
    const wish = 'keepAlive' in payload ? wishOf(payload) : undefined
    const asked = again ? 'again' : 'now'
    const reserved = wish !== undefined && (await reserve(parts, { ...wish, job: id, asked }))
    const opened = await enqueue(parts.records, parts.admin, { id, name, payload, again })
    if (opened === 'conflict') {
      if (reserved) await reachable(() => parts.names.leave(keptId(wish.app, wish.name), id))
      throw new Fault(
        'conflict',
        `the key ${key} belongs to a ${name} with another payload: choose another key`,
      )
    }
    return { id, name, isNew: opened !== 'exists' }
  }

/** Before the job is queued, so that two uploads under one name are told apart here. True for a new name. Faults: `invalid`, `conflict`. */
async function reserve({ names, records, clock }: Parts, wish: Omit<Asking, 'recordKey'>): Promise<boolean> {
  const { job } = wish
  if (wish.untilMs <= clock.nowMs()) throw endPassed()
  const { recordKey } = records.keysOf(job, { queue: jobs['media.upload'].queue, jobId: job })
  const entered = await reachable(() => names.enter({ ...wish, recordKey }))
  if (entered.as === 'taken') throw nameTaken(wish)
  return entered.as === 'entered' && entered.isNew
}

async function cancel(records: Records, admin: Admin, id: string): Promise<boolean> {
  const fault = new Fault('cancelled', 'cancelled on request').report()
  const settled = await records.settle({ id }, { as: 'cancelled', fault })
  const record = await records.read(id)
  // A cancel whose answer was lost is sent again, and finds its own work; so does a second one, which is no lie.
  if (settled.as !== 'settled' && record?.state !== 'cancelled') return false
  if (record) await admin.remove(record.queue, record.jobId).catch(() => false)
  return true
}
