/** What a receiver is told of a job's end. Small, and without anything that the receiver could not have asked for. Pure. */

import type { JobRecord } from '../record/index.ts'

/** A larger result is left out: read it by the job's id. Standard Webhooks asks for messages under 20 KB. */
const resultMaxBytes = 16 * 1024

/** JSON, in the form of Standard Webhooks: type, timestamp, data. `state` is done, failed or cancelled. */
export function messageOf(record: JobRecord, app: string): string {
  const { id, name, state, createdAtMs, endedAtMs = createdAtMs } = record
  return JSON.stringify({
    type: `job.${state}`,
    timestamp: new Date(endedAtMs).toISOString(),
    data: { id, name, app, state, createdAtMs, endedAtMs, ...outcomeIn(record) },
  })
}

function outcomeIn({ state, result, fault }: JobRecord): object {
  if (state !== 'done') return fault === undefined ? {} : { fault }
  const isLarge = Buffer.byteLength(JSON.stringify(result) ?? '') > resultMaxBytes
  return isLarge ? { resultOmitted: true } : { result }
}
