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

/**
 * Defines `mayMark(key, arg)`, which answers '' or the word for why not, and `mark(key, arg)`: of the record at that place
 * in KEYS, and the fence and "1" to leave the mark at that one and the next in ARGV. The gate's script has them, too.
 */
const markLua = `
local function mayMark(key, arg)
  local known = redis.call('HMGET', KEYS[key], 'state', 'fence')
  local state = known[1]
  if state ~= 'running' and state ~= 'queued' and state ~= 'waiting' then return 'ended' end
  return known[2] == ARGV[arg] and '' or 'fenced'
end
local function mark(key, arg)
  if ARGV[arg + 1] == '1' then redis.call('HSET', KEYS[key], 'sent', ARGV[arg]) end
  redis.call('HINCRBY', KEYS[key], 'calls', 1)
end
`

/** What a script needs that leaves the mark beside its own work. */
export interface Marking {
  readonly lua: string
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
}

export const marking = (namespace: string, { id, fence }: Running, marks: boolean): Marking => ({
  lua: markLua,
  keys: [recordKey(namespace, id)],
  args: [fence, marks ? '1' : ''],
})

/*
 * KEYS 1 record
 * ARGV 1 fence, 2 "1" to leave the mark, 3 time of the grant in ms or '', 4 life of a grant in ms
 * Answers {'go'} | {'fenced'} | {'ended'} | {'stale'}; only 'go' writes.
 */
const run = script(`${markLua}
local word = mayMark(1, 1)
if word ~= '' then return {word} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[3] ~= '' and now - ARGV[3] > tonumber(ARGV[4]) then return {'stale'} end
mark(1, 1)
return {'go'}
`)

export async function sent(redis: Connection, namespace: string, speaking: Speaking): Promise<Sent> {
  const { id, fence, grantAtMs, grantLifeMs, marks } = speaking
  const { keys, args } = marking(namespace, { id, fence }, marks)
  const [answer] = await run(redis, keys, [...args, grantAtMs ?? '', grantLifeMs])
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
