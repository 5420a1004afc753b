/** A job that failed runs again, because a person asks: its record is opened anew first, or it would only replay its end. */

import type { Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { canBeGiven } from './identity.ts'
import { isJobName, jobs, type Payload } from './jobs.ts'

/** `not-failed`: it runs, waits or is done. `unknown`: nobody has its record any more, or this version has no such job. */
export type Again = 'queued' | 'not-failed' | 'unknown'

/** Queues the failed or cancelled job with this record id again, with its whole deadline. Rejects with the errors of the connection. */
export async function askAgain(records: Records, admin: Admin, id: string): Promise<Again> {
  const record = await records.read(id)
  if (!record || !isJobName(record.name)) return 'unknown'
  const { name, queue, payload: json, fingerprint, jobId } = record
  // What a foreign producer wrote may have any form; one that is too long was not kept.
  const payload = JSON.parse(json) as Payload<typeof name>
  const parsed = jobs[name].payload.safeParse(payload)
  if (!parsed.success) return 'unknown'
  const deadlineMs = parsed.data.deadlineMs ?? jobs[name].deadlineMs
  const opened = await records.open({ id, name, queue, payload: json, fingerprint, deadlineMs, again: true })
  if (opened !== 'reopened') return 'not-failed'
  await admin.putBack(queue, name, payload, canBeGiven(jobId) ? jobId : id)
  return 'queued'
}
