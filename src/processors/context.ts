/** What a processor is given. It knows no queue and no Redis: everything it may touch is here. */

import type { FileRef, Source } from '../files/file.ts'
import type { Web } from '../files/http.ts'
import type { Claimant, KeepAlive, Ledger } from '../ledger/index.ts'
import type { JobName, Payload, Result } from '../queues/jobs.ts'
import type { Follower, JobRecord, KeepOptions, Step } from '../record/index.ts'
import type { Deliver } from '../webhooks/deliver.ts'
import type { AppKind, CallOptions, Client, Mark } from '../wecom/index.ts'
import type { Outcome } from './outcome.ts'

export interface JobContext {
  readonly id: string
  /** Aborts at the deadline, on cancel, when the lease is lost and at the end of a shutdown's grace. */
  readonly signal: AbortSignal
  /** For calls that change something at the platform: they leave a mark in the record. */
  readonly writing: CallOptions & { readonly mark: Mark }
  /** For calls that may be repeated freely: they leave no mark. */
  readonly reading: CallOptions
  /** Attempts that were spent before this one; waits spend none. */
  readonly attemptsMade: number
  /** What is known of this attempt now. */
  readonly attempt: AttemptState
  /** Throws unless this attempt is still the current one: before anything is written that another attempt could write too. */
  mayPublish(): Promise<void>
  progress(progress: Progress): void
  /** What earlier attempts kept, by name. */
  readonly steps: ReadonlyMap<string, Step>
  /**
   * Writes down what one call of several brought, so that a later attempt goes on behind it; the first result of a name
   * stays, and is answered. The call's mark goes and its unit is spent. `alias`: what the platform calls the job from now
   * on; `early` when a callback about it was there first. Interrupts an attempt that is no longer the current one.
   */
  keep(
    name: string,
    value: unknown,
    options?: KeepOptions,
  ): Promise<{ readonly step: Step; readonly early: boolean }>
  /** Cuts the wait of other jobs short. Never rejects. */
  wake(jobs: readonly Follower[]): void
  /** This job, as the ledger wants to know it. */
  readonly claimant: Claimant
}

export interface AttemptState {
  /** An earlier attempt began to speak and never said how it ended. */
  readonly wasUnknown: boolean
  /** Calls so far that the platform has counted, or may have. */
  readonly units: number
  /** A call of this attempt has begun and its outcome is not known. */
  readonly isSpeaking: boolean
  /** When the job was asked for, the last time, ms of Redis time. */
  readonly openedAtMs: number
  /** When a callback about it came last, by the same clock; 0 if none has. */
  readonly heardAtMs: number
  /** Now, by the same clock. */
  nowMs(): number
  /** Until the job's deadline, ms. */
  remainingMs(): number
}

export interface Progress {
  readonly doneBytes: number
  readonly totalBytes?: number
}

/** The resources of the process that processors share. */
export interface Resources {
  /** Throws `config` for an app that is not configured here. */
  client(app: string): Client
  /** What was uploaded before. */
  readonly ledger: Ledger
  /** The names that media_ids are kept alive under. */
  readonly names: KeepAlive
  /** The company's quota of permanent images, by app. */
  readonly units: Units
  /** The company that an app belongs to, and what kind of app it is. */
  corpOf(app: string): string
  kindOf(app: string): AppKind
  /** Opens what a payload names, a URL by bringing it here first; the caller closes it. */
  openSource(ref: FileRef, asked: Asked): Promise<Source>
  /** URLs, behind the guard of what may be connected to. */
  readonly web: Web
  readonly webhooks: {
    /** Undefined for a job that is not known any more. */
    read(id: string): Promise<JobRecord | undefined>
    readonly deliver: Deliver
  }
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

export interface Asked {
  /** The job's id, for the name of what is brought here. */
  readonly id: string
  /** A larger one is not brought. */
  readonly maxBytes: number
  readonly signal: AbortSignal
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
