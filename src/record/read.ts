/** Reading a record: what a job shows to callers, and the open ones for the reconciler. */

import type { FaultReport, Kind } from '../fault.ts'
import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { openKey, recordKey } from './keys.ts'
import type { Step } from './step.ts'

export type State = 'queued' | 'running' | 'waiting' | 'done' | 'failed' | 'cancelled'

export interface JobRecord {
  readonly id: string
  readonly name: string
  readonly queue: string
  /** BullMQ's id of the job; another than ours for jobs of foreign producers. */
  readonly jobId: string
  readonly state: State
  /** The request as JSON. */
  readonly payload: string
  /** Of the request: see `fingerprintOf`. */
  readonly fingerprint: string
  /** Told of the end; its path and query may be secret. */
  readonly webhook?: string
  readonly createdAtMs: number
  readonly deadlineAtMs: number
  readonly endedAtMs?: number
  /** Attempts that have begun. */
  readonly fence: number
  /** Calls to the platform, all attempts together. */
  readonly calls: number
  /** Results that came after the first. */
  readonly duplicates: number
  /** Attempts that found an earlier one whose outcome nobody knows. */
  readonly unknowns: number
  /** Calls that the platform has counted, or may have. */
  readonly units: number
  /** Definite refusals by kind. */
  readonly tries: Readonly<Partial<Record<Kind, number>>>
  readonly progress?: unknown
  /** Why the last attempt that is tried again failed. */
  readonly lastFault?: FaultReport
  readonly waiting?: { readonly untilMs: number; readonly why: FaultReport }
  /** What single calls of a job of several brought, by name. */
  readonly steps: Readonly<Record<string, Step>>
  readonly result?: unknown
  readonly fault?: FaultReport
}

export const isEnd = (state: string): boolean =>
  state === 'done' || state === 'failed' || state === 'cancelled'

export async function read(redis: Connection, namespace: string, id: string): Promise<JobRecord | undefined> {
  const fields = await redis.hgetall(recordKey(namespace, id))
  return fields['state'] === undefined ? undefined : recordFrom(id, fields)
}

type Fields = Readonly<Record<string, string>>

function recordFrom(id: string, fields: Fields): JobRecord {
  const number = (name: string): number => Number(fields[name] ?? 0)
  return {
    id,
    name: fields['name'] ?? '',
    queue: fields['queue'] ?? '',
    jobId: fields['jobId'] ?? id,
    state: fields['state'] as State,
    payload: fields['payload'] ?? '{}',
    fingerprint: fields['fingerprint'] ?? '',
    createdAtMs: number('createdAtMs'),
    deadlineAtMs: number('deadlineAtMs'),
    fence: number('fence'),
    calls: number('calls'),
    duplicates: number('duplicates'),
    unknowns: number('unknowns'),
    units: number('units'),
    tries: triesIn(fields),
    steps: stepsOf(fields),
    ...(fields['webhook'] && { webhook: fields['webhook'] }),
    ...(fields['endedAtMs'] && { endedAtMs: number('endedAtMs') }),
    ...(fields['waitUntilMs'] && {
      waiting: { untilMs: number('waitUntilMs'), why: JSON.parse(fields['waitWhy'] ?? '{}') as FaultReport },
    }),
    ...(fields['progress'] && { progress: JSON.parse(fields['progress']) }),
    ...(fields['lastFault'] && { lastFault: JSON.parse(fields['lastFault']) as FaultReport }),
    ...(fields['result'] && { result: JSON.parse(fields['result']) }),
    ...(fields['fault'] && { fault: JSON.parse(fields['fault']) as FaultReport }),
  }
}

const triesIn = (fields: Fields): Record<string, number> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => name.startsWith('tries:'))
      .map(([name, count]) => [name.slice('tries:'.length), Number(count)]),
  )

const stepsOf = (fields: Fields): Record<string, Step> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => name.startsWith('step:'))
      .map(([name, json]) => [name.slice('step:'.length), JSON.parse(json) as Step]),
  )

/*
 * KEYS 1 set of ids, by when they are due
 * ARGV 1 how many at most, 2 ms until each is looked at again
 * Answers {now in ms, id, …}: those that are due, oldest first. Two workers never get the same id at once.
 */
const look = script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ids = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], id) end
return {now, unpack(ids)}
`)

export interface Due {
  /** Redis time, ms: the only clock that deadlines are kept by. */
  readonly nowMs: number
  readonly ids: readonly string[]
}

/** Ids in the set `key` that are due for a look, oldest first; each is due again after `againMs`. */
export async function due(redis: Connection, key: string, limit: number, againMs: number): Promise<Due> {
  const [now, ...ids] = await look(redis, [key], [limit, againMs])
  return { nowMs: Number(now), ids: ids.map(String) }
}

/** The same of open records. */
export const dueForLook = (
  redis: Connection,
  namespace: string,
  limit: number,
  againMs: number,
): Promise<Due> => due(redis, openKey(namespace), limit, againMs)

/** An open id without a record: Redis lost the one and kept the other. */
export const forgetOpen = (redis: Connection, namespace: string, id: string): Promise<number> =>
  redis.zrem(openKey(namespace), id)
