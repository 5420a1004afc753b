/** claim: an attempt begins. Hands out an increasing fence to the holder of BullMQ's lock, or the end that is already there. */

import { randomUUID } from 'node:crypto'
import type { Connection } from '../redis/connection.ts'
import { type Reply, script } from '../script.ts'
import { lockKey, openKey, recordKey } from './keys.ts'
import type { Request } from './open.ts'
import { type Step, stepsIn } from './step.ts'

export type Claim =
  | {
      readonly as: 'claimed'
      /** Grows with every attempt; `attemptsStarted` does not (it starts again after a re-add). */
      readonly fence: number
      /** An earlier attempt began to speak and never said how it ended. */
      readonly unknown: boolean
      /** Calls of earlier attempts that the platform has counted, or may have: each has its own unit of a quota. */
      readonly units: number
      /** What the gate gave when the job began to wait. */
      readonly booking: unknown
      /** Until the deadline, by Redis time; ≤ 0 when it has passed. */
      readonly remainingMs: number
      /** By Redis, ms: what the times of steps are compared with. */
      readonly nowMs: number
      /** When it was asked for, the last time, ms of Redis time. */
      readonly openedAtMs: number
      /** When something was last heard of it from outside, ms of Redis time; 0 if never. */
      readonly heardAtMs: number
      /** What earlier calls of the job brought, by name. */
      readonly steps: ReadonlyMap<string, Step>
    }
  | { readonly as: 'ended'; readonly state: string; readonly json: string }
  | { readonly as: 'not-holder' }
  /** The id belongs to another request: a foreign producer reused it, or somebody changed the job's data. */
  | { readonly as: 'conflict' }

/*
 * KEYS 1 record, 2 BullMQ's lock, 3 open set
 * ARGV 1 lock token, 2 id, 3 name, 4 queue, 5 payload, 6 fingerprint, 7 deadline in ms
 *      8 id of this claim: the same one, sent again, gets the same answer; 9 BullMQ's id of the job, 10 webhook or ''
 * Answers {'not-holder'} | {'conflict'} | {'ended', state, result or fault} | {'claimed', fence, mark or '', ms to the deadline, units, booking or '',
 * now in ms, when it was asked for and last heard of in ms, then name and JSON of each step}.
 * A job of a foreign producer has no record yet: it gets one here.
 */
const run = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'not-holder'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  redis.call('HSET', KEYS[1], 'name', ARGV[3], 'queue', ARGV[4], 'payload', ARGV[5], 'fingerprint', ARGV[6],
    'createdAtMs', now, 'deadlineAtMs', now + ARGV[7])
  if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'webhook', ARGV[10]) end
  redis.call('ZADD', KEYS[3], now + 60000, ARGV[2])
elseif redis.call('HGET', KEYS[1], 'fingerprint') ~= ARGV[6] then
  return {'conflict'}
elseif state == 'done' then
  return {'ended', state, redis.call('HGET', KEYS[1], 'result')}
elseif state == 'failed' or state == 'cancelled' then
  return {'ended', state, redis.call('HGET', KEYS[1], 'fault')}
end
local function claimed(mark, booking)
  local answer = {'claimed', redis.call('HGET', KEYS[1], 'fence'), mark, redis.call('HGET', KEYS[1], 'deadlineAtMs') - now,
    redis.call('HGET', KEYS[1], 'units') or '0', booking, now,
    redis.call('HGET', KEYS[1], 'createdAtMs'), redis.call('HGET', KEYS[1], 'heardAtMs') or '0'}
  if not redis.call('HGET', KEYS[1], 'steps') then return answer end
  local all = redis.call('HGETALL', KEYS[1])
  for at = 1, #all, 2 do
    if string.sub(all[at], 1, 5) == 'step:' then
      answer[#answer + 1] = string.sub(all[at], 6)
      answer[#answer + 1] = all[at + 1]
    end
  end
  return answer
end
local before = redis.call('HMGET', KEYS[1], 'claimId', 'claimMark', 'claimBooking')
if before[1] == ARGV[8] then return claimed(before[2], before[3]) end
local sent = redis.call('HGET', KEYS[1], 'sent') or ''
if sent ~= '' then
  redis.call('HINCRBY', KEYS[1], 'unknowns', 1)
  redis.call('HINCRBY', KEYS[1], 'units', 1)
end
local booking = redis.call('HGET', KEYS[1], 'booking') or ''
redis.call('HDEL', KEYS[1], 'sent', 'booking', 'waitUntilMs', 'waitWhy', 'woken')
redis.call('HSET', KEYS[1], 'state', 'running', 'jobId', ARGV[9], 'claimId', ARGV[8], 'claimMark', sent, 'claimBooking', booking)
redis.call('HINCRBY', KEYS[1], 'fence', 1)
return claimed(sent, booking)
`)

/** The holder of BullMQ's lock: `jobId` is BullMQ's id, which a job of a foreign producer does not share with its record. */
export interface Holder {
  readonly jobId: string
  readonly token: string
}

export async function claim(
  redis: Connection,
  namespace: string,
  request: Request,
  { jobId, token }: Holder,
): Promise<Claim> {
  const { id, name, queue, payload, fingerprint, deadlineMs, webhook = '' } = request
  const keys = [recordKey(namespace, id), lockKey(namespace, queue, jobId), openKey(namespace)]
  const args = [token, id, name, queue, payload, fingerprint, deadlineMs, randomUUID(), jobId, webhook]
  return read(await run(redis, keys, args))
}

function read([as, second, third, fourth, fifth, sixth, ...rest]: readonly Reply[]): Claim {
  if (as === 'ended') return { as, state: String(second), json: String(third) }
  if (as === 'not-holder' || as === 'conflict') return { as }
  const booking: unknown = sixth ? JSON.parse(String(sixth)) : undefined
  const [fence, remainingMs, units] = [second, fourth, fifth].map(Number) as Numbers
  const [nowMs, openedAtMs, heardAtMs] = rest.slice(0, 3).map(Number) as Numbers
  const times = { remainingMs, nowMs, openedAtMs, heardAtMs }
  return {
    as: 'claimed',
    fence,
    unknown: third !== '',
    units,
    booking,
    ...times,
    steps: stepsIn(rest.slice(3)),
  }
}

type Numbers = [number, number, number]
