/** What a processor is given. It knows no queue and no Redis: everything it may touch is here. */

import type { JobName, Payload, Result } from '../queues/jobs.ts'
import type { Client, Mark } from '../wecom/index.ts'
import type { Outcome } from './outcome.ts'

export interface JobContext {
  readonly id: string
  /** Aborts at the deadline, on cancel, when the lease is lost and at the end of a shutdown's grace. */
  readonly signal: AbortSignal
  /** Tells the record that a call leaves. `reads` leave no mark: repeating them changes nothing. */
  readonly mark: Mark
  readonly reads: Mark
  /** Throws unless this attempt is still the current one: before anything is written that another attempt could write too. */
  mayPublish(): Promise<void>
  progress(progress: Progress): void
}

export interface Progress {
  readonly doneBytes: number
  readonly totalBytes?: number
}

/** The resources of the process that processors share. */
export interface Resources {
  /** Throws `config` for an app that is not configured here. */
  client(app: string): Client
  /** Folders that sources may lie in, absolute. */
  readonly roots: readonly string[]
  /** Where downloads go, absolute. */
  readonly downloads: string
  readonly download: {
    /** Bytes per Range request; a multiple of 16, at most 20 MB. */
    readonly sliceBytes: number
    /** Slices of one download under way at once. */
    readonly parallel: number
    /** Larger media are refused, bytes. */
    readonly maxBytes: number
  }
}

export type Processor<N extends JobName> = (
  payload: Payload<N>,
  context: JobContext,
  resources: Resources,
) => Promise<Outcome<Result<N>>>
