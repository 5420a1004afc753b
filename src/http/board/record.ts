/** The page of a job's record, which is the truth about it and outlives what BullMQ keeps. */

import type { FaultReport } from '../../fault.ts'
import type { JobRecord } from '../../record/index.ts'
import { recordPage } from './pages.ts'
import { redacted } from './redact.ts'

export function pageOfRecord(stored: JobRecord): string {
  const record = redacted(stored) as JobRecord
  const { id, name, result, progress, steps } = record
  // Parsed before it is redacted, or it could not be any more.
  const documents = { Request: redacted(JSON.parse(stored.payload)), Result: result, Progress: progress }
  const all = { ...documents, ...(Object.keys(steps).length > 0 && { Steps: steps }) }
  return recordPage(`${name} ${id}`, present(factsOf(record)), present(all))
}

function factsOf(record: JobRecord): Record<string, string | undefined> {
  const { state, queue, jobId, createdAtMs, deadlineAtMs, endedAtMs, fence, calls, units } = record
  const { unknowns, duplicates, tries, waiting, fault, lastFault } = record
  const refusals = Object.entries(tries).map(([kind, count]) => `${kind} ${count}`)
  return {
    State: state,
    Why: fault && said(fault),
    Until: waiting && `${timeOf(waiting.untilMs)}, ${said(waiting.why)}`,
    'Last attempt': fault ? undefined : lastFault && said(lastFault),
    Queue: queue,
    "BullMQ's id": jobId === record.id ? undefined : jobId,
    Accepted: timeOf(createdAtMs),
    Deadline: timeOf(deadlineAtMs),
    Ended: endedAtMs === undefined ? undefined : timeOf(endedAtMs),
    Attempts: String(fence),
    'Calls to the platform': calls === 0 ? 'none' : `${calls}, of which it may have counted ${units}`,
    Refusals: refusals.join(', ') || undefined,
    'Outcome unknown': unknowns > 0 ? String(unknowns) : undefined,
    'Later results': duplicates > 0 ? String(duplicates) : undefined,
  }
}

const said = ({ kind, message }: FaultReport): string => `${kind}: ${message}`

const timeOf = (ms: number): string => new Date(ms).toISOString()

const present = <T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<string, T>
