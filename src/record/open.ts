/** open: a job is accepted. Comes before BullMQ's `add`, so that a producer that dies in between loses nothing. */

import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { openKey, recordKey } from './keys.ts'

export interface Request {
  readonly id: string
  readonly name: string
  readonly queue: string
  /** The validated payload as JSON; kept so that the reconciler can add the job again. */
  readonly payload: string
  /** Hash of the payload: the same id with another one is a conflict. */
  readonly fingerprint: string
  /** From acceptance to the end, whatever happens; milliseconds. */
  readonly deadlineMs: number
  /** Told of the end, when somebody asked for that. */
  readonly webhook?: string
  /** Ask again for a job that has failed or was cancelled. */
  readonly again?: boolean
}

export type Opened = 'created' | 'exists' | 'reopened' | 'conflict'

/** How long after acceptance the reconciler first looks, ms: by then a living producer has called `add`. */
const firstLookMs = 60_000

/*
 * KEYS 1 record, 2 open set
 * ARGV 1 id, 2 name, 3 queue, 4 payload, 5 fingerprint, 6 deadline in ms, 7 first look in ms, 8 "1" to run a failed one again,
 *      9 webhook or ''
 * Answers {'created'} | {'exists'} | {'reopened'} | {'conflict'}.
 * A reopened record has a new fence, so that a zombie of the first run stays refused; a call whose outcome nobody
 * knows stays counted.
 */
const run = script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local state = redis.call('HGET', KEYS[1], 'state')
if state then
  if redis.call('HGET', KEYS[1], 'fingerprint') ~= ARGV[5] then return {'conflict'} end
  if ARGV[8] ~= '1' or (state ~= 'failed' and state ~= 'cancelled') then return {'exists'} end
end
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'queue', ARGV[3], 'payload', ARGV[4], 'fingerprint', ARGV[5],
  'state', 'queued', 'createdAtMs', now, 'deadlineAtMs', now + ARGV[6])
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'webhook', ARGV[9]) end
redis.call('PERSIST', KEYS[1])
redis.call('ZADD', KEYS[2], now + ARGV[7], ARGV[1])
if not state then return {'created'} end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 6) == 'tries:' then redis.call('HDEL', KEYS[1], field) end
end
if redis.call('HGET', KEYS[1], 'sent') then
  redis.call('HINCRBY', KEYS[1], 'units', 1)
  redis.call('HINCRBY', KEYS[1], 'unknowns', 1)
end
redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HDEL', KEYS[1], 'fault', 'lastFault', 'endedAtMs', 'sent', 'booking', 'waitUntilMs', 'waitWhy')
return {'reopened'}
`)

export async function open(redis: Connection, namespace: string, request: Request): Promise<Opened> {
  const { id, name, queue, payload, fingerprint, deadlineMs, again, webhook = '' } = request
  const keys = [recordKey(namespace, id), openKey(namespace)]
  const args = [id, name, queue, payload, fingerprint, deadlineMs, firstLookMs, again ? '1' : '', webhook]
  const [answer] = await run(redis, keys, args)
  return answer as Opened
}
