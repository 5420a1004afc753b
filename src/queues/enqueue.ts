/** A job is accepted and queued: the record first, so that nothing accepted is lost, then BullMQ. */

import { isEnd, type Opened, type Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { type JobName, jobs, type Payload } from './jobs.ts'
import { fingerprintOf } from './parse.ts'
import { reachable } from './reachable.ts'

export interface Enqueued {
  readonly id: string
  readonly name: JobName
  readonly payload: Payload<JobName>
  /** Run it again if it has failed or was cancelled. */
  readonly again: boolean
}

/** Faults: `unavailable` (Redis). After `conflict` nothing was queued: the id belongs to a job with another payload. */
export async function enqueue(
  records: Records,
  admin: Admin,
  { id, name, payload, again }: Enqueued,
): Promise<Opened> {
  const { queue, deadlineMs } = jobs[name]
  const json = JSON.stringify(payload)
  const fingerprint = fingerprintOf(name, json)
  const opened = await reachable(() =>
    records.open({
      ...{ id, name, queue, payload: json, fingerprint, again },
      deadlineMs: payload.deadlineMs ?? deadlineMs,
      ...('webhook' in payload && payload.webhook !== undefined && { webhook: payload.webhook }),
    }),
  )
  if (opened === 'conflict') return opened
  if (opened === 'reopened') await reachable(() => admin.putBack(queue, name, payload, id))
  else await reachable(() => ensureAdded(admin, records, opened, { queue, name, payload, id }))
  return opened
}

/** A known key whose job is in no state of BullMQ is repaired, not "already queued". */
async function ensureAdded(
  admin: Admin,
  records: Records,
  opened: 'created' | 'exists',
  { queue, name, payload, id }: { queue: string; name: JobName; payload: Payload<JobName>; id: string },
): Promise<void> {
  if (opened === 'created') return admin.add(queue, name, payload, id)
  if ((await admin.stateOf(queue, id)) !== 'unknown') return
  const record = await records.read(id)
  if (record && !isEnd(record.state)) await admin.putBack(queue, name, payload, id)
}
