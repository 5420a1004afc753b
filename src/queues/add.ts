/** How a job of ours is added: the options that every producer, and the reconciler, must use alike. */

import { type JobName, jobs } from './jobs.ts'

/** Kept by BullMQ for people to look at; the record is the truth and outlives both. Seconds, and a count. */
const completed = { age: 24 * 3600, count: 5_000 }
const failed = { age: 14 * 24 * 3600, count: 20_000 }

/** The backoff strategy that workers install; see `processors/outcome.ts`. */
const backoffByKind = 'by-kind'

/**
 * Lower runs first; none (0) is kept for jobs that wake to their own grant and must not wait behind a backlog.
 */
export const priorities = { urgent: 1, woken: 5, usual: 10 } as const

/** A job that wakes to its own grant must not wait behind anything; one that merely tries again keeps its rank. */
export const wakingPriority = (hasGrant: boolean, urgent: boolean, follows: boolean): number => {
  if (hasGrant) return 0
  if (urgent) return priorities.urgent
  // Jobs that merely look whether another one is done must not come before it.
  return follows ? priorities.usual : priorities.woken
}

export const addOptions = (name: JobName, jobId: string, urgent: boolean) => ({
  jobId,
  priority: urgent ? priorities.urgent : priorities.usual,
  attempts: jobs[name].attempts,
  backoff: { type: backoffByKind },
  removeOnComplete: completed,
  removeOnFail: failed,
  keepLogs: 50,
  stackTraceLimit: 5,
})
