/** What the ledger knows of bytes that were uploaded, as arithmetic: which bytes are the same, and how long an entry is good. No I/O. */

import { hash } from 'node:crypto'

/**
 * What was uploaded. Two subjects are one if the platform's answer to the one serves the other: same company, same kind,
 * same bytes; and for files the same name, because users see it.
 */
export type Subject =
  | {
      readonly as: 'media'
      readonly corp: string
      readonly type: string
      /** Of a `file`, whose name users see. */
      readonly name?: string
      /** The one place where the media_id may be used. */
      readonly attachment?: string
      readonly sha256: string
    }
  /** A permanent image. */
  | { readonly as: 'image'; readonly corp: string; readonly sha256: string }
  /** Not interchangeable with a media_id of `media`. */
  | {
      readonly as: 'async'
      readonly corp: string
      readonly type: string
      readonly name: string
      readonly md5: string
    }

/** What an accepted result left behind. */
export interface Entry {
  /** The media_id, or the URL of a permanent image. */
  readonly value: string
  /** By the platform's clock, ms. */
  readonly createdAtMs: number
  /** Absent for what lives for ever. */
  readonly expiresAtMs?: number
  readonly sizeBytes: number
  /** The job that brought it. */
  readonly job: string
}

/** Of equal subjects, whatever the order of their fields. */
export function subjectHash(subject: Subject): string {
  const fields: Readonly<Record<string, unknown>> = { ...subject }
  const sorted = Object.keys(fields).sort()
  return hash('sha256', JSON.stringify(sorted.map(name => [name, fields[name]]))).slice(0, 40)
}

/** What is left of an entry's life when a send takes the media_id at once, and needs it for as long as an upload job may wait, ms. */
export const defaultMinLifeMs = 3_600_000
