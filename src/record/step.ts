/**
 * step: one call of a job of several has brought its result. The first one is kept, whoever brings it, and the job goes
 * on from there after a crash. What the platform calls the job from then on (its alias) is noted in the same script, so
 * that a callback finds the job however early it comes.
 */

import type { Connection } from '../redis/connection.ts'
import { type Reply, script } from '../script.ts'
import { aliasKey, earlyKey, recordKey } from './keys.ts'
import {
  type Follower,
  followersIn,
  type LedgerWrite,
  ledgerArgs,
  ledgerKeys,
  ledgerLua,
} from './ledger-lua.ts'
import type { Running } from './sent.ts'
import { retentionMs } from './settle.ts'

/** A result that is kept, and when it was, ms of Redis time. */
export interface Step {
  readonly value: unknown
  readonly atMs: number
}

export interface Kept {
  readonly as: 'kept'
  /** The first one; another attempt's where that came before. */
  readonly step: Step
  /** Calls so far that the platform has counted, or may have. */
  readonly units: number
  /** Something was heard of the alias before anybody here knew it. */
  readonly early: boolean
  /** Jobs that waited for the same bytes. */
  readonly followers: readonly Follower[]
}

/** `fenced`: the result is kept, but another attempt has begun since. */
export type Keeping = Kept | { readonly as: 'fenced' | 'ended' }

/*
 * KEYS 1 record, 2 alias, 3 what was heard early, 4 to 7 of the ledger
 * ARGV 1 fence, 2 name, 3 value as JSON, 4 id, 5 "1" if there is an alias, 6 life of the alias in ms,
 *      7 and 8 of the ledger
 * Answers {'ended'} | {'fenced'} | {'kept', step as JSON, units, '1' if something was heard early, followers}.
 * The call of this attempt is over: its mark goes and its unit is spent, once however often this is sent.
 */
const run = script(`${ledgerLua}
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'done' or state == 'failed' or state == 'cancelled' then
  -- The call was made all the same, and what it brought serves others.
  if state ~= 'done' then writeLedger(4, 7) end
  return {'ended'}
end
local field = 'step:' .. ARGV[2]
local kept = redis.call('HGET', KEYS[1], field)
local followers = {}
if not kept then
  local t = redis.call('TIME')
  kept = '{"atMs":' .. string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)) .. ',"value":' .. ARGV[3] .. '}'
  redis.call('HSET', KEYS[1], 'steps', '1', field, kept)
  -- Three busy answers end a call, not a job of many.
  redis.call('HDEL', KEYS[1], 'tries:busy')
  followers = writeLedger(4, 7)
end
if string.sub(kept, -string.len(ARGV[3]) - 1) ~= ARGV[3] .. '}' then
  redis.call('HINCRBY', KEYS[1], 'duplicates', 1)
elseif ARGV[5] == '1' then
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[6])
end
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return {'fenced'} end
if redis.call('HGET', KEYS[1], 'sent') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'sent')
  redis.call('HINCRBY', KEYS[1], 'units', 1)
end
local early = ARGV[5] == '1' and redis.call('EXISTS', KEYS[3]) == 1
return {'kept', kept, redis.call('HGET', KEYS[1], 'units') or '0', early and '1' or '', followers}
`)

export interface KeepOptions {
  /** What the platform calls the job from now on. */
  readonly alias?: string
  readonly write?: LedgerWrite
}

export async function keep(
  redis: Connection,
  namespace: string,
  { id, fence }: Running,
  name: string,
  value: unknown,
  { alias, write }: KeepOptions = {},
): Promise<Keeping> {
  const record = recordKey(namespace, id)
  const names = [aliasKey(namespace, alias ?? ''), earlyKey(namespace, alias ?? '')]
  const keys = [record, ...names, ...ledgerKeys(write, record)]
  const args = [fence, name, JSON.stringify(value), id, alias === undefined ? '' : '1', retentionMs]
  const [as, json, units, early, followers] = await run(redis, keys, [...args, ...ledgerArgs(write)])
  if (as !== 'kept') return { as: as as 'fenced' | 'ended' }
  return {
    as,
    step: JSON.parse(String(json)) as Step,
    units: Number(units),
    early: early === '1',
    followers: followersIn(followers),
  }
}

/** The steps in a script's answer: name, JSON, name, JSON … */
export function stepsIn(replies: readonly Reply[]): Map<string, Step> {
  const steps = new Map<string, Step>()
  for (let at = 0; at + 1 < replies.length; at += 2) {
    steps.set(String(replies[at]), JSON.parse(String(replies[at + 1])) as Step)
  }
  return steps
}

/** What is heard of a job that nobody here knows yet is remembered so long, ms: longer than any jobid lives. */
const earlyMs = 24 * 3_600_000

/*
 * KEYS 1 alias, 2 what was heard early
 * ARGV 1 what stands before the id in the key of a record, 2 how long it is remembered, ms
 * The record's key is made here, from the id under the alias; the hash tag puts it into the same slot.
 * Answers {} when nobody here knows the alias yet, or {id, queue, BullMQ's id, state}; such a job is marked as woken.
 */
const hear = script(`
local id = redis.call('GET', KEYS[1])
if not id then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
  return {}
end
local record = ARGV[1] .. id
local found = redis.call('HMGET', record, 'queue', 'jobId', 'state')
if not found[3] then return {id, '', '', 'gone'} end
if found[3] == 'queued' or found[3] == 'running' or found[3] == 'waiting' then
  local t = redis.call('TIME')
  redis.call('HSET', record, 'woken', '1', 'heardAtMs', t[1] * 1000 + math.floor(t[2] / 1000))
end
return {id, found[1], found[2] or id, found[3]}
`)

/** A job of which something was heard. */
export interface Heard {
  readonly id: string
  readonly queue: string
  readonly jobId: string
  readonly state: string
}

/**
 * Something happened to a job that the platform calls `alias`. Remembered if nobody here knows it yet; else the job's
 * next wait is to be cut short (`isWoken`).
 */
export async function heard(redis: Connection, namespace: string, alias: string): Promise<Heard | undefined> {
  const keys = [aliasKey(namespace, alias), earlyKey(namespace, alias)]
  const [id, queue, jobId, state] = await hear(redis, keys, [recordKey(namespace, ''), earlyMs])
  if (id === undefined) return undefined
  return { id: String(id), queue: String(queue), jobId: String(jobId), state: String(state) }
}

/** Whether something was heard of the job since its last attempt began. */
export const isWoken = async (redis: Connection, namespace: string, id: string): Promise<boolean> =>
  (await redis.hexists(recordKey(namespace, id), 'woken')) === 1
