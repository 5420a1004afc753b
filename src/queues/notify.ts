/** Telling that a job has ended: an end that is owed becomes a job of its own, whose id is that end's, so that twice is once. */

import { type Clock, keepDoing } from '../clock.ts'
import { isEnd, type JobRecord, type Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { enqueue } from './enqueue.ts'
import { jobId } from './identity.ts'
import { isJobName, jobs } from './jobs.ts'
import { parsePayload } from './parse.ts'

const name = 'media.notify'

export interface TellParts {
  readonly records: Records
  readonly admin: Admin
}

/** Queues the job that tells of the end of this one, if that is owed. Faults: `unavailable` (Redis). */
export async function tellEnd({ records, admin }: TellParts, id: string): Promise<void> {
  const record = await records.read(id)
  if (!record || !isEnd(record.state) || record.webhook === undefined) return records.told(id)
  await queueNotice({ records, admin }, record)
  await records.told(id, record.fence)
}

/** The id of an end is the receiver's `webhook-id`, too. */
const noticeId = ({ id, fence }: JobRecord): string => jobId(id, name, String(fence))

async function queueNotice({ records, admin }: TellParts, record: JobRecord): Promise<void> {
  const payload = parsePayload(name, { app: appIn(record), job: record.id, end: record.fence })
  await enqueue(records, admin, { id: noticeId(record), name, payload, again: false })
}

/** What came from a foreign producer may be anything. */
function appIn({ name: of, payload }: JobRecord): string | undefined {
  const parsed = isJobName(of) ? jobs[of].payload.safeParse(JSON.parse(payload)) : undefined
  return parsed?.success ? parsed.data.app : undefined
}

/** Between two rounds, and between two looks at the same end, ms. */
const everyMs = 10_000
const againMs = 30_000
const perPage = 200

export interface TellingParts extends TellParts {
  readonly clock: Clock
  readonly onError?: (error: unknown) => void
}

/** What those who wrote an end have left, at once and every 10 s until the signal aborts. */
export function keepTelling(parts: TellingParts, signal: AbortSignal): Promise<void> {
  const { clock, onError = () => undefined } = parts
  return keepDoing(() => tellOwed(parts, signal), { clock, everyMs, onError }, signal)
}

/** One round. Safe to run in every worker: each end is handed to one of them. */
async function tellOwed(parts: TellingParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { ids } = await parts.records.dueToTell(perPage, againMs)
    for (const id of ids) await tellEnd(parts, id).catch(error => parts.onError?.(error))
    if (ids.length < perPage) return
  }
}
