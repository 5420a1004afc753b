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

/** Printable ASCII, 1 to 255 characters: what an Idempotency-Key may be. */
export const isKey = (key: string): boolean => /^[\x20-\x7e]{1,255}$/.test(key)
