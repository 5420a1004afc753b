/** sent: this attempt is about to speak to the platform. The last Redis call before the first byte, and a refusal is final. */

import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { recordKey } from './keys.ts'

/** `fenced`: another attempt has begun since. `ended`: the job is over. `stale`: the grant is too old to be used. */
export type Sent = 'go' | 'fenced' | 'ended' | 'stale'

/** An attempt, as its record knows it. */
export interface Running {
  readonly id: string
  readonly fence: number
}

export interface Speaking extends Running {
  /** When the gate granted the call, ms of Redis time; none for calls without a limit. */
  readonly grantAtMs?: number
  /** Older grants are void, ms (DESIGN §6: D). */
  readonly grantLifeMs: number
  /** Reads leave no mark: doing them twice changes nothing at the platform. */
  readonly marks: boolean
}

/*
 * KEYS 1 record
 * ARGV 1 fence, 2 time of the grant in ms or '', 3 life of a grant in ms, 4 "1" to leave the mark
 * Answers {'go'} | {'fenced'} | {'ended'} | {'stale'}; only 'go' writes.
 */
const run = script(`
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'running' and state ~= 'queued' and state ~= 'waiting' then return {'ended'} end
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return {'fenced'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '' and now - ARGV[2] > tonumber(ARGV[3]) then return {'stale'} end
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'sent', ARGV[1]) end
redis.call('HINCRBY', KEYS[1], 'calls', 1)
return {'go'}
`)

export async function sent(redis: Connection, namespace: string, speaking: Speaking): Promise<Sent> {
  const { id, fence, grantAtMs, grantLifeMs, marks } = speaking
  const args = [fence, grantAtMs ?? '', grantLifeMs, marks ? '1' : '']
  const [answer] = await run(redis, [recordKey(namespace, id)], args)
  return answer as Sent
}

/** Whether this attempt may still write outside Redis (rename a file, say). */
export async function holds(
  redis: Connection,
  namespace: string,
  id: string,
  fence: number,
): Promise<boolean> {
  const [state, current] = await redis.hmget(recordKey(namespace, id), 'state', 'fence')
  return state === 'running' && current === String(fence)
}

/*
 * KEYS 1 record
 * ARGV 1 fence, 2 progress as JSON
 */
const note = script(`
if redis.call('HGET', KEYS[1], 'fence') == ARGV[1] then redis.call('HSET', KEYS[1], 'progress', ARGV[2]) end
return {}
`)

/** How far the current attempt is; a zombie's word is ignored. */
export const progress = async (
  redis: Connection,
  namespace: string,
  attempt: Running,
  json: string,
): Promise<void> => void (await note(redis, [recordKey(namespace, attempt.id)], [attempt.fence, json]))
