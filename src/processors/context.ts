/** What a processor is given. It knows no queue and no Redis: everything it may touch is here. */

import type { JobName, Payload, Result } from '../queues/jobs.ts'
import type { CallOptions, Client, Mark } from '../wecom/index.ts'
import type { Outcome } from './outcome.ts'

export interface JobContext {
  readonly id: string
  /** Aborts at the deadline, on cancel, when the lease is lost and at the end of a shutdown's grace. */
  readonly signal: AbortSignal
  /** For calls that change something at the platform: they leave a mark in the record. */
  readonly writing: CallOptions & { readonly mark: Mark }
  /** For calls that may be repeated freely: they leave no mark. */
  readonly reading: CallOptions
  /** What is known of this attempt now. */
  readonly attempt: AttemptState
  /** Throws unless this attempt is still the current one: before anything is written that another attempt could write too. */
  mayPublish(): Promise<void>
  progress(progress: Progress): void
}

export interface AttemptState {
  /** An earlier attempt began to speak and never said how it ended. */
  readonly wasUnknown: boolean
  /** Calls so far that the platform has counted, or may have. */
  readonly units: number
  /** A call of this attempt has begun and its outcome is not known. */
  readonly isSpeaking: boolean
}

export interface Progress {
  readonly doneBytes: number
  readonly totalBytes?: number
}

/** The resources of the process that processors share. */
export interface Resources {
  /** Throws `config` for an app that is not configured here. */
  client(app: string): Client
  /** The company's quota of permanent images, by app. */
  readonly units: Units
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

/** Units of a quota, by their ids: reserving one twice is harmless. */
export interface Units {
  /** Throws `quota` with the earliest possible time when none is left. */
  reserve(app: string, unit: string): Promise<void>
  /** Only for a unit whose call surely was not counted. */
  giveBack(app: string, unit: string): Promise<void>
}

export type Processor<N extends JobName> = (
  payload: Payload<N>,
  context: JobContext,
  resources: Resources,
) => Promise<Outcome<Result<N>>>
