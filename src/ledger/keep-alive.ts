/**
 * The names that media_ids are kept alive under, in Redis: reserved when an upload asks for one, given their media_id by
 * `accept` in the record's own script, looked at by one worker at a time. What is to be done stands in kept.ts.
 */

import type { FaultReport } from '../fault.ts'
import type { KeptWrite } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import {
  type Kept,
  type KeptEnd,
  type KeptMedium,
  type KeptState,
  type KeptTimes,
  keptId,
  keptStateOf,
} from './kept.ts'
import { keptTimes, type SeenName, seenName, timeFields } from './kept-fields.ts'
import { begin, drop, due, end, enter, note, seen, sleep, told } from './kept-scripts.ts'
import { keptDueKey, keptKey, keptNamesKey } from './keys.ts'

/** An upload that asks for a name. */
export interface Asking {
  readonly app: string
  readonly name: string
  readonly untilMs: number
  /** The upload as JSON, and what of it must be the same under one name. */
  readonly payload: string
  readonly fingerprint: string
  readonly job: string
  /** Key of the job's record: a name whose first job has failed is free. */
  readonly recordKey: string
  /** When the job was asked for, ms of Redis time; by a producer: `now`, or `again` for one that has failed. `renewal`: by nobody. */
  readonly asked: 'now' | 'again' | 'renewal' | number
}

export type Entered =
  /** The name is this upload's; `medium`: what it has; `takenBy`: the job that took it. */
  | {
      readonly as: 'entered'
      readonly isNew: boolean
      readonly takenBy: string
      readonly medium?: KeptMedium
    }
  /** Another upload has it. */
  | { readonly as: 'taken' }
  /** It ended after this job was asked for, or the request is an old one repeated: nothing new is kept. */
  | { readonly as: 'over' }

export interface DueNames {
  readonly nowMs: number
  readonly ids: readonly string[]
  /** What `sleep` wants to know of this handing out. */
  readonly handedOutAtMs: number
}

export interface Standing {
  readonly state: KeptState
  /** Of the media_id's life, ms; 0 when it serves no more, or there is none. */
  readonly leftMs: number
}

export interface KeepAlive {
  enter(asking: Asking): Promise<Entered>
  /** Takes back what `enter` has reserved for a job that was never queued. */
  leave(id: string, job: string): Promise<void>
  read(id: string): Promise<SeenName | undefined>
  /** Ids of all names, ended ones too. */
  ids(): Promise<readonly string[]>
  /** How all names stand, as far as metrics want to know: a pipeline for each thousand. */
  standings(): Promise<readonly Standing[]>
  /** False for a name that is unknown or has ended. */
  end(id: string, why: KeptEnd): Promise<boolean>
  /** Ids that are due for a look; each is handed out again after `againMs`. */
  due(limit: number, againMs: number): Promise<DueNames>
  /** When to look again, unless something happened since; what the worker means by "due" is noted for readers. */
  sleep(id: string, handedOutAtMs: number, untilMs: number, renewBeforeMs: number): Promise<void>
  /** The right to queue the next renewal; false when somebody else has it, or the name has ended. */
  begin(kept: Kept, job: string): Promise<boolean>
  /** A renewal has failed; true for the one that wrote it down. */
  note(kept: Kept, fault: FaultReport): Promise<boolean>
  /** True for the one that is to tell of the newest media_id, or of its death. */
  tells(kept: Kept, what: 'told' | 'toldDead'): Promise<boolean>
  drop(id: string): Promise<void>
  /** What `accept` writes beside a result. */
  write(
    name: Pick<Asking, 'app' | 'name'> & { readonly takenBy: string },
    corp: string,
    medium: KeptMedium,
  ): KeptWrite
  /** An event for whoever listens. */
  publish(event: object): Promise<void>
}

export type { SeenName }

/** Pub/sub channel of the events of names; each message is a JSON object. */
export const keptChannel = (namespace: string): string => `${namespace}:kept:events`

const is = ([answer]: readonly unknown[]): boolean => answer === 1

export function createKeepAlive(redis: Connection, namespace: string): KeepAlive {
  const dueKey = keptDueKey(namespace)
  const keys = (id: string) => [keptKey(namespace, id), dueKey]
  return {
    async enter({ app, name, untilMs, payload, fingerprint, job, recordKey, asked }) {
      const id = keptId(app, name)
      const recordPrefix = recordKey.slice(0, recordKey.length - job.length)
      const args = [id, fingerprint, payload, untilMs, job, asked, app, name, recordPrefix]
      const [as, medium, by] = await enter(redis, keys(id), args)
      if (as === 'taken' || as === 'over') return { as }
      const entered = { as: 'entered', isNew: as === 'new', takenBy: String(by) } as const
      return medium ? { ...entered, medium: JSON.parse(String(medium)) as KeptMedium } : entered
    },
    leave: async (id, job) => void (await drop(redis, keys(id), [id, job])),
    async read(id) {
      const [now, ...fields] = await seen(redis, [keptKey(namespace, id)], [])
      return seenName(id, Number(now), fields.map(String))
    },
    ids: () => redis.zrange(dueKey, '0', '-1'),
    standings: () => readStandings(redis, namespace),
    end: async (id, why) => is(await end(redis, keys(id), [id, why])),
    async due(limit, againMs) {
      const [now, ...ids] = await due(redis, [dueKey], [limit, againMs])
      const nowMs = Number(now)
      return { nowMs, ids: ids.map(String), handedOutAtMs: nowMs + againMs }
    },
    async sleep(id, handedOutAtMs, untilMs, renewBeforeMs) {
      await sleep(redis, keys(id), [id, handedOutAtMs, Math.ceil(untilMs), renewBeforeMs])
    },
    begin: async ({ id, round }, job) => is(await begin(redis, keys(id), [id, round, job])),
    note: async ({ id, job = '' }, fault) =>
      is(await note(redis, keys(id), [id, job, JSON.stringify(fault)])),
    tells: async ({ id, brought }, what) => is(await told(redis, [keptKey(namespace, id)], [what, brought])),
    drop: async id => void (await drop(redis, keys(id), [id, ''])),
    write({ app, name, takenBy }, corp, medium) {
      const id = keptId(app, name)
      const { mediaId, expiresAtMs, job } = medium
      return {
        ...{ keptKey: keptKey(namespace, id), dueKey, namesKey: keptNamesKey(namespace, corp, mediaId) },
        ...{ id, takenBy, mediaId, expiresAtMs, job, json: JSON.stringify(medium) },
      }
    },
    publish: async event => void (await redis.publish(keptChannel(namespace), JSON.stringify(event))),
  }
}

const perPipeline = 1_000

async function readStandings(redis: Connection, namespace: string): Promise<Standing[]> {
  const ids = await redis.zrange(keptDueKey(namespace), '0', '-1')
  const [seconds = 0, micros = 0] = await redis.time()
  const nowMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  const found: Standing[] = []
  for (let at = 0; at < ids.length; at += perPipeline) {
    const pipeline = redis.pipeline()
    for (const id of ids.slice(at, at + perPipeline)) pipeline.hmget(keptKey(namespace, id), ...timeFields)
    for (const [error, values] of (await pipeline.exec()) ?? []) {
      if (error) throw error
      const times = keptTimes(values as (string | null)[])
      if (times) found.push(standingOf(times, nowMs))
    }
  }
  return found
}

function standingOf(times: KeptTimes & { readonly renewBeforeMs: number }, nowMs: number): Standing {
  const state = keptStateOf(times, nowMs, times.renewBeforeMs)
  const { medium } = times
  return { state, leftMs: medium && state !== 'dead' ? Math.max(0, medium.expiresAtMs - nowMs) : 0 }
}
