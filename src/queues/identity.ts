/** The id of a job is known before it is queued: without one, a lost answer of Redis stores the job twice (bullmq.md §1.3). */

import { createHash } from 'node:crypto'
import { ulid } from 'ulid'
import type { JobName } from './jobs.ts'

/** A hash of tenant, job and the caller's key; or a ULID. Safe as a BullMQ id and as a file name. */
export const jobId = (tenant: string, name: JobName, key?: string): string =>
  key === undefined
    ? ulid()
    : `k${createHash('sha256')
        .update(JSON.stringify([tenant, name, key]))
        .digest('hex')
        .slice(0, 32)}`

/**
 * The id of a job's record. A foreign producer that names no id gets BullMQ's count, which starts at 1 in every
 * queue: then the queue is part of the name.
 */
export const recordId = (queue: string, bullId: string): string =>
  /^\d+$/.test(bullId) ? `${queue}-${bullId}` : bullId

/** The ids under which BullMQ may have the job of a record: its count, or the id that it was put back with. */
export const bullIds = (queue: string, id: string): readonly string[] => {
  const count = id.startsWith(`${queue}-`) ? id.slice(queue.length + 1) : ''
  return /^\d+$/.test(count) ? [count, id] : [id]
}

/** Printable ASCII, 1 to 255 characters: what an Idempotency-Key may be. */
export const isKey = (key: string): boolean => /^[\x20-\x7e]{1,255}$/.test(key)
