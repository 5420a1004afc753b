/** The page of a job's record, which is the truth about it and outlives what BullMQ keeps. */

import type { JobRecord } from '../../record/index.ts'
import { recordPage } from './pages.ts'
import { redacted } from './redact.ts'

export function pageOfRecord(record: JobRecord): string {
  const { payload, result, fault, lastFault, waiting, progress, steps, ...shown } = redacted(
    readable(record),
  ) as Omit<JobRecord, 'payload'> & { readonly payload: unknown }
  const documents = {
    Request: payload,
    Result: result,
    Fault: fault,
    'Last fault': lastFault,
    Waiting: waiting,
  }
  const more = { Progress: progress, ...(Object.keys(steps).length > 0 && { Steps: steps }) }
  return recordPage(`${shown.name} ${shown.id}`, factsOf(shown), present({ ...documents, ...more }))
}

const readable = ({ payload, ...record }: JobRecord): unknown => ({ ...record, payload: JSON.parse(payload) })

type Shown = Omit<
  JobRecord,
  'payload' | 'result' | 'fault' | 'lastFault' | 'waiting' | 'progress' | 'steps' | 'fingerprint'
>

function factsOf(record: Shown): Record<string, string> {
  const { state, queue, jobId, createdAtMs, deadlineAtMs, endedAtMs, fence, calls, units } = record
  const { unknowns, duplicates, tries } = record
  const refusals = Object.entries(tries).map(([kind, count]) => `${kind} ${count}`)
  return {
    State: state,
    Queue: queue,
    ...(jobId !== record.id && { "BullMQ's id": jobId }),
    Accepted: timeOf(createdAtMs),
    Deadline: timeOf(deadlineAtMs),
    ...(endedAtMs !== undefined && { Ended: timeOf(endedAtMs) }),
    Attempts: String(fence),
    'Calls to the platform': `${calls}, ${units} of them counted or perhaps counted`,
    ...(refusals.length > 0 && { Refusals: refusals.join(', ') }),
    ...(unknowns > 0 && { 'Outcome unknown': String(unknowns) }),
    ...(duplicates > 0 && { 'Later results': String(duplicates) }),
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

const present = (documents: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(documents).filter(([, value]) => value !== undefined))
