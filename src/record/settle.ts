/** settle: what became of an attempt, short of a result: a definite no, a wait, a hand-back, or an end. */

import { randomUUID } from 'node:crypto'
import type { FaultReport, Kind } from '../fault.ts'
import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { endedChannel, openKey, owedKey, recordKey } from './keys.ts'
import { oweLua } from './owed.ts'

/** How long an ended record is kept, ms: longer than BullMQ keeps the job, so that results can be read late. */
export const retentionMs = 14 * 24 * 3_600_000

export type Settlement =
  /** The platform surely did not perform the call: the mark goes, the try is counted by kind. `spent`: it may have counted it. */
  | { readonly as: 'refused'; readonly kind: Kind; readonly spent: boolean }
  /** `booking`: what the gate gave for the next attempt. */
  | { readonly as: 'waiting'; readonly ms: number; readonly why: FaultReport; readonly booking?: unknown }
  /** Back on the queue: a worker that is shutting down, or a retry, with the reason. */
  | { readonly as: 'queued'; readonly why?: FaultReport }
  | { readonly as: 'failed' | 'cancelled'; readonly fault: FaultReport }

/*
 * KEYS 1 record, 2 open set, 3 owed
 * ARGV 1 fence, or '' for whoever ends a job from outside (cancel, worker-died), 2 refused|waiting|queued|failed|cancelled,
 *      3 kind (refused) or fault (waiting, failed, cancelled; queued: '' when nothing failed), 4 ms to wait, 5 retention in ms, 6 id, 7 channel of ends
 *      8 "1" if a refused call may have been counted, 9 booking as JSON or '',
 *      10 id of this settlement: a refusal that is sent again counts once
 * Answers {'fenced'} | {'ended', state} | {'settled', tries of that kind, units spent, '1' if somebody is to be told}.
 */
const run = script(`${oweLua}
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'done' or state == 'failed' or state == 'cancelled' then return {'ended', state or ''} end
if ARGV[1] ~= '' and (redis.call('HGET', KEYS[1], 'fence') or '0') ~= ARGV[1] then return {'fenced'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] == 'refused' then
  if redis.call('HGET', KEYS[1], 'refusedId') == ARGV[10] then
    return {'settled', redis.call('HGET', KEYS[1], 'tries:' .. ARGV[3]), redis.call('HGET', KEYS[1], 'units')}
  end
  redis.call('HSET', KEYS[1], 'refusedId', ARGV[10])
  local tries = redis.call('HINCRBY', KEYS[1], 'tries:' .. ARGV[3], 1)
  redis.call('HDEL', KEYS[1], 'sent')
  return {'settled', tries, redis.call('HINCRBY', KEYS[1], 'units', ARGV[8] == '1' and 1 or 0)}
end
local owed = ''
if ARGV[2] == 'failed' or ARGV[2] == 'cancelled' then owed = owe(KEYS[1], KEYS[3], ARGV[6], now) end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
if ARGV[2] == 'waiting' then
  redis.call('HSET', KEYS[1], 'waitUntilMs', now + ARGV[4], 'waitWhy', ARGV[3])
  if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'booking', ARGV[9]) end
elseif ARGV[2] == 'queued' then
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'lastFault', ARGV[3]) end
else
  redis.call('HSET', KEYS[1], 'fault', ARGV[3], 'endedAtMs', now)
  redis.call('HDEL', KEYS[1], 'waitUntilMs', 'waitWhy')
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('ZREM', KEYS[2], ARGV[6])
  redis.call('PUBLISH', ARGV[7], ARGV[6] .. ' ' .. ARGV[2])
end
return {'settled', 0, 0, owed}
`)

export type Settled =
  | {
      readonly as: 'settled'
      readonly tries: number
      readonly units: number
      /** Somebody is to be told of this end. */
      readonly owed?: true
    }
  | { readonly as: 'fenced' | 'ended' }

export async function settle(
  redis: Connection,
  namespace: string,
  { id, fence }: { readonly id: string; readonly fence?: number },
  settlement: Settlement,
): Promise<Settled> {
  const keys = [recordKey(namespace, id), openKey(namespace), owedKey(namespace)]
  const ms = settlement.as === 'waiting' ? settlement.ms : 0
  const spent = settlement.as === 'refused' && settlement.spent ? '1' : ''
  const booking = settlement.as === 'waiting' && settlement.booking ? JSON.stringify(settlement.booking) : ''
  const args = [
    fence ?? '',
    settlement.as,
    detail(settlement),
    ms,
    retentionMs,
    id,
    endedChannel(namespace),
    spent,
    booking,
    randomUUID(),
  ]
  const [as, tries, units, owed = ''] = await run(redis, keys, args)
  if (as !== 'settled') return { as: as as 'fenced' | 'ended' }
  return { as, tries: Number(tries), units: Number(units), ...(owed !== '' && { owed: true }) }
}

function detail(settlement: Settlement): string {
  if (settlement.as === 'refused') return settlement.kind
  if (settlement.as === 'waiting') return JSON.stringify(settlement.why)
  if (settlement.as === 'queued') return settlement.why ? JSON.stringify(settlement.why) : ''
  return JSON.stringify(settlement.fault)
}
