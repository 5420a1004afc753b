/** The names under which the ledger lives in Redis; one hash tag with records and queues, so that one script can write both. */

import { hash } from 'node:crypto'
import { type Subject, subjectHash } from './entry.ts'

export interface LedgerKeys {
  /** The entry as JSON; ends with its life. */
  readonly entry: string
  /** HASH: the job that uploads these bytes now. */
  readonly leader: string
  /** SET of the jobs that wait for it. */
  readonly followers: string
}

export function keysOf(namespace: string, subject: Subject): LedgerKeys {
  const base = `${namespace}:ledger:${subjectHash(subject)}`
  return { entry: base, leader: `${base}:leader`, followers: `${base}:followers` }
}

/** A media_id -> the key of its entry, so that what the platform has forgotten can be forgotten here. */
export const issuedKey = (namespace: string, corp: string, mediaId: string): string =>
  `${namespace}:issued:${hashed([corp, mediaId])}`

const hashed = (parts: readonly string[]): string => hash('sha256', JSON.stringify(parts)).slice(0, 40)

/** HASH: a name that a media_id is kept alive under. */
export const keptKey = (namespace: string, id: string): string => `${namespace}:kept:${id}`

/** ZSET of all names; score: when to look next, ms of Redis time. */
export const keptDueKey = (namespace: string): string => `${namespace}:kept`

/** SET of the names that have this media_id. */
export const keptNamesKey = (namespace: string, corp: string, mediaId: string): string =>
  `${namespace}:kept-of:${hashed([corp, mediaId])}`
