/** The id of a job is known before it is queued: without one, a lost answer of Redis stores the job twice (bullmq.md §1.3). */

import { createHash } from 'node:crypto'
import { ulid } from 'ulid'
import type { JobName } from './jobs.ts'

/** A hash of tenant, job and the caller's key; or a ULID. Safe as a BullMQ id and as a file name. */
export const jobId = (tenant: string, name: JobName, key?: string): string =>
  key === undefined ? ulid() : `k${hashed([tenant, name, key])}`

/** Of the upload that renews a kept name for the `round`-th time since it was taken; it can be told from all others. */
export const renewalId = (name: string, sinceMs: number, round: number): string =>
  `r${hashed([name, sinceMs, round])}`

export const isRenewal = (id: string): boolean => /^r[0-9a-f]{32}$/.test(id)

const hashed = (parts: readonly (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

const ours = /^(?:[kr][0-9a-f]{32}|[0-9A-HJKMNP-TV-Z]{26})$/
const safe = /^[A-Za-z0-9_.-]{1,128}$/

/**
 * The id of a job's record, which is part of keys and file names. Ids of foreign producers are unique in their queue
 * only (BullMQ counts from 1 in each) and may hold anything: the queue is part of theirs, and what is not safe is hashed.
 */
export function recordId(queue: string, bullId: string): string {
  if (ours.test(bullId)) return bullId
  if (!safe.test(bullId)) return `${queue}-${createHash('sha256').update(bullId).digest('hex').slice(0, 32)}`
  return bullId.startsWith(`${queue}-`) ? bullId : `${queue}-${bullId}`
}

/** BullMQ takes no number for an id that is given. */
export const canBeGiven = (bullId: string): boolean => !/^\d+$/.test(bullId)

/** Printable ASCII, 1 to 255 characters: what an Idempotency-Key may be. */
export const isKey = (key: string): boolean => /^[\x20-\x7e]{1,255}$/.test(key)
