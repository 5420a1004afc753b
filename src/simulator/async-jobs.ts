/**
 * Asynchronous uploads: each runs by itself from the moment it was asked for, and its end shows when the switches say
 * so. None may outlive the simulator, nor leave a file without a medium.
 */

import { randomBytes } from 'node:crypto'
import { systemClock, timerMaxMs } from '../clock.ts'
import type { Grantee } from './apps.ts'
import { download } from './async-download.ts'
import { contentTypeOf, mistakeOfContent } from './content.ts'
import type { MediaStore } from './media-store.ts'
import type { Switches } from './options.ts'
import { Refusal, refusalFor } from './refusal.ts'
import { asyncUpload, jobLifetimeMs } from './rules.ts'
import type { SettableClock } from './settable-clock.ts'
import type { Spool } from './spool.ts'

export interface AsyncRequest {
  readonly type: (typeof asyncUpload.types)[number]
  readonly filename: string
  readonly url: string
  readonly md5: string
}

/** What `media/get_upload_by_url_result` tells. */
export type AsyncState =
  | { readonly status: 'running' }
  | { readonly status: 'done'; readonly mediaId: string; readonly createdAtMs: number }
  | { readonly status: 'failed'; readonly errcode: number; readonly errmsg: string }

export type AsyncJob = AsyncRequest &
  AsyncState & {
    readonly jobId: string
    readonly corp: string
    readonly agent?: string | undefined
    /** By the simulator's clock. */
    readonly submittedAtMs: number
  }

interface Entry {
  readonly jobId: string
  readonly grantee: Grantee
  readonly request: AsyncRequest
  readonly submittedAtMs: number
  /** What shows. */
  state: AsyncState
  /** Its end may show at once. */
  readonly letGo: AbortController
}

export interface AsyncJobsParts {
  readonly switches: Switches
  readonly clock: SettableClock
  readonly media: MediaStore
  /** Called once per job that ended, whether it brought a medium or not. */
  readonly onFinish: (grantee: Grantee, jobId: string) => void
}

export class AsyncJobs {
  readonly #parts: AsyncJobsParts
  readonly #jobs = new Map<string, Entry>()
  readonly #running = new Map<Entry, Promise<void>>()
  #stopping = new AbortController()

  constructor(parts: AsyncJobsParts) {
    this.#parts = parts
  }

  /** Answers the new job's id, of the form that the manual shows; the same request again is another job. */
  submit(grantee: Grantee, request: AsyncRequest): string {
    const jobId = `jobid_${randomBytes(33).toString('base64url').slice(0, 43)}`
    const submittedAtMs = this.#parts.clock.nowMs()
    const letGo = new AbortController()
    const entry: Entry = { jobId, grantee, request, submittedAtMs, state: { status: 'running' }, letGo }
    this.#jobs.set(jobId, entry)
    this.#running.set(
      entry,
      this.#run(entry, this.#stopping.signal).finally(() => this.#running.delete(entry)),
    )
    return jobId
  }

  /** Throws the refusal for a job that is unknown, older than 60 minutes, or another corp's. */
  find(jobId: string, corpId: string): AsyncState {
    const { clock, switches } = this.#parts
    const entry = this.#jobs.get(jobId)
    const isLiving = entry && clock.nowMs() < entry.submittedAtMs + jobLifetimeMs
    if (!isLiving || entry.grantee.corpId !== corpId) throw refusalFor('unknown-job', switches)
    return entry.state
  }

  list(): AsyncJob[] {
    return [...this.#jobs.values()].map(({ jobId, grantee, request, submittedAtMs, state }) => {
      const { corpId, agent } = grantee
      return {
        jobId,
        corp: corpId,
        ...(agent === undefined ? {} : { agent }),
        submittedAtMs,
        ...request,
        ...state,
      }
    })
  }

  /** Waits for the downloads of one running job, or of all, and lets their ends show; answers how many. */
  async finish(jobId?: string): Promise<number> {
    const going = [...this.#running].filter(([entry]) => jobId === undefined || entry.jobId === jobId)
    for (const [entry] of going) entry.letGo.abort()
    await Promise.all(going.map(([, ended]) => ended))
    return going.length
  }

  /** Ends and forgets all jobs; resolves when none is left. */
  async abort(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running.values())
    this.#jobs.clear()
    this.#stopping = new AbortController()
  }

  /** Never rejects. */
  async #run(entry: Entry, signal: AbortSignal): Promise<void> {
    const { switches, onFinish } = this.#parts
    const { grantee, jobId } = entry
    try {
      const end = await this.#perform(entry, signal)
      if (switches.callbackBeforeResult) onFinish(grantee, jobId)
      await this.#delay(entry, signal)
      entry.state = end
      if (!switches.callbackBeforeResult) onFinish(grantee, jobId)
    } catch (error) {
      // Only the simulator's end leads here, or a defect of the simulator, which must show.
      if (!signal.aborted) entry.state = { status: 'failed', errcode: -1, errmsg: String(error) }
    }
  }

  async #perform({ grantee, request }: Entry, signal: AbortSignal): Promise<AsyncState> {
    const { media, switches } = this.#parts
    const spool = await media.spool(asyncUpload.maxBytes)
    try {
      await download(spool, { ...request, idleMs: switches.asyncIdleMs }, signal)
      if (await mistakeOfContent(request.type, spool)) throw refusalFor('async-not-mp4', switches)
      return await this.#keep(grantee, request, spool)
    } catch (error) {
      await spool.discard()
      if (error instanceof Refusal) return { status: 'failed', errcode: error.errcode, errmsg: error.message }
      throw error
    }
  }

  async #keep({ corpId }: Grantee, { type, filename }: AsyncRequest, spool: Spool): Promise<AsyncState> {
    const { media, clock, switches } = this.#parts
    const { sha256 } = await spool.keep()
    const createdAtMs = Math.floor(clock.nowMs() / 1000) * 1000
    const { mediaId } = media.put('async', {
      corpId,
      name: filename,
      contentType: contentTypeOf(type, spool.head, undefined),
      sizeBytes: spool.sizeBytes,
      sha256,
      createdAtMs,
      encrypted: switches.encryptUploads,
      content: { path: spool.path },
    })
    return { status: 'done', mediaId, createdAtMs }
  }

  async #delay({ letGo }: Entry, signal: AbortSignal): Promise<void> {
    const { asyncDelayMs } = this.#parts.switches
    const ms = asyncDelayMs === 'hold' ? timerMaxMs : asyncDelayMs
    await systemClock.sleep(ms, AbortSignal.any([signal, letGo.signal])).catch(() => signal.throwIfAborted())
  }
}
