/** A record in brief: what a line about the job needs. Of thousands of jobs nobody wants payloads, steps and results. */

import type { FaultReport } from '../fault.ts'
import type { Connection } from '../redis/connection.ts'
import { recordKey } from './keys.ts'
import type { State } from './read.ts'

export interface Brief {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly state: State
  /** When it was asked for, the last time, ms of Redis time. */
  readonly createdAtMs: number
  readonly endedAtMs?: number
  /** Until when it waits. */
  readonly waitUntilMs?: number
  /** Attempts that have begun. */
  readonly fence: number
  /** Of its end, of its wait, or of the attempt that is tried again. */
  readonly fault?: FaultReport
}

const fields = [
  ...(['state', 'name', 'queue', 'createdAtMs', 'endedAtMs', 'waitUntilMs', 'fence'] as const),
  ...(['fault', 'waitWhy', 'lastFault'] as const),
]

export async function brief(redis: Connection, namespace: string, id: string): Promise<Brief | undefined> {
  const found = await redis.hmget(recordKey(namespace, id), ...fields)
  const [state, name, queue, createdAtMs, endedAtMs, waitUntilMs, fence, ...faults] = found
  if (!state) return undefined
  // The last fault of a job that is done no longer matters.
  const json = state === 'done' ? undefined : faults.find(each => each)
  return {
    ...{ id, name: name ?? '', queue: queue ?? '', state: state as State },
    ...{ createdAtMs: Number(createdAtMs), fence: Number(fence ?? 0) },
    ...(endedAtMs && { endedAtMs: Number(endedAtMs) }),
    ...(waitUntilMs && { waitUntilMs: Number(waitUntilMs) }),
    ...(json && { fault: JSON.parse(json) as FaultReport }),
  }
}
