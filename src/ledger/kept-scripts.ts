/** The scripts of the names that are kept alive. Each may run twice and finds its work done; times are those of Redis. */

import { script } from '../script.ts'
import { keptRetentionMs, reservationMs } from './kept.ts'

const clock = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 fingerprint, 3 payload, 4 until in ms, 5 job, 6 when that was asked for in ms, 'now', 'again' or 'renewal', 7 app, 8 name,
 *      9 what stands before a job's id in the key of its record
 * Answers {'new' | 'again', medium as JSON or '', the job that took the name} | {'taken'} | {'over'}.
 * Asked for again it lives as long as the longer wish. A request that is merely repeated wishes nothing anew: what was let
 * go of since stays so, and a renewal takes none at all: one that is run again by hand finds its name or leaves it. A name that never had a media_id is free when its job has ended.
 */
export const enter = script(`${clock}
local f = redis.call('HMGET', KEYS[1], 'fingerprint', 'untilMs', 'endedAtMs', 'medium', 'job', 'sinceMs', 'takenBy')
local over = f[3] or (f[2] and tonumber(f[2]) <= now)
if f[1] and not over then
  if f[1] == ARGV[2] then
    -- With a key that is known it is the same wish, or refused.
    local repeated = (ARGV[6] == 'now' or ARGV[6] == 'again') and redis.call('EXISTS', ARGV[9] .. ARGV[5]) == 1
    if not repeated and tonumber(ARGV[4]) > tonumber(f[2]) then
      redis.call('HSET', KEYS[1], 'untilMs', ARGV[4])
      redis.call('ZADD', KEYS[2], now, ARGV[1])
    end
    if not repeated and not f[4] then redis.call('HSET', KEYS[1], 'job', ARGV[5], 'sinceMs', now) end
    return {'again', f[4] or '', f[7]}
  end
  local state = f[5] and redis.call('HGET', ARGV[9] .. f[5], 'state')
  local ended = state == 'failed' or state == 'cancelled'
  local lost = not state and now >= tonumber(f[6]) + ${reservationMs}
  if f[4] or not (ended or lost) then return {'taken'} end
end
if ARGV[6] == 'renewal' then return {'over'} end
local asked = tonumber(ARGV[6])
if over and asked and (f[5] == ARGV[5] or tonumber(f[3] or f[2]) >= asked) then return {'over'} end
if ARGV[6] == 'now' and redis.call('EXISTS', ARGV[9] .. ARGV[5]) == 1 then return {'over'} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'app', ARGV[7], 'name', ARGV[8], 'fingerprint', ARGV[2], 'payload', ARGV[3], 'untilMs', ARGV[4],
  'job', ARGV[5], 'takenBy', ARGV[5], 'sinceMs', now)
redis.call('ZADD', KEYS[2], now + ${reservationMs}, ARGV[1])
return {'new', '', ARGV[5]}
`)

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 the job that has reserved it, or '' for whoever has it
 * Answers {}. With a job, only a name that never had a media_id goes.
 */
export const drop = script(`
local f = redis.call('HMGET', KEYS[1], 'medium', 'job')
if ARGV[2] ~= '' and (f[1] or f[2] ~= ARGV[2]) then return {} end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return {}
`)

/*
 * KEYS 1 name
 * Answers {now in ms, field, value, …}.
 */
export const seen = script(`${clock}
return {now, unpack(redis.call('HGETALL', KEYS[1]))}
`)

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 why
 * Answers {1} when it has ended by this, {0} when it is unknown or had ended.
 */
export const end = script(`${clock}
local f = redis.call('HMGET', KEYS[1], 'sinceMs', 'endedAtMs', 'untilMs')
if not f[1] or f[2] then return {0} end
local late = tonumber(f[3]) <= now
if late and ARGV[2] ~= 'until' then return {0} end
redis.call('HSET', KEYS[1], 'endedAtMs', late and f[3] or now, 'endedWhy', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ${keptRetentionMs + 3_600_000})
redis.call('ZADD', KEYS[2], now, ARGV[1])
return {1}
`)

/*
 * KEYS 1 due
 * ARGV 1 how many at most, 2 ms until each is handed out again
 * Answers {now in ms, id, …}, the longest due first.
 */
export const due = script(`${clock}
local ids = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], id) end
return {now, unpack(ids)}
`)

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 the time that it was handed out with, 3 when to look again, both in ms, 4 margin of renewals in ms
 * Answers {}. Something that happened since has set another time, which stays.
 */
export const sleep = script(`
if redis.call('ZSCORE', KEYS[2], ARGV[1]) == ARGV[2] then redis.call('ZADD', KEYS[2], 'XX', ARGV[3], ARGV[1]) end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'renewBeforeMs', ARGV[4]) end
return {}
`)

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 round, 3 job of the next round
 * Answers {1} when the round is this job's, {0} otherwise.
 */
export const begin = script(`${clock}
local f = redis.call('HMGET', KEYS[1], 'sinceMs', 'endedAtMs', 'round', 'job')
if not f[1] or f[2] then return {0} end
local round = tonumber(f[3] or '0')
if round == ARGV[2] + 1 and f[4] == ARGV[3] then return {1} end
if round ~= tonumber(ARGV[2]) then return {0} end
redis.call('HSET', KEYS[1], 'round', round + 1, 'job', ARGV[3], 'triedAtMs', now)
return {1}
`)

/*
 * KEYS 1 name, 2 due
 * ARGV 1 id, 2 the job, 3 its fault as JSON
 * Answers {1} for the one that wrote it down, {0} when that was done before.
 */
export const note = script(`${clock}
if redis.call('HGET', KEYS[1], 'job') ~= ARGV[2] then return {0} end
redis.call('HDEL', KEYS[1], 'job')
redis.call('HSET', KEYS[1], 'fault', ARGV[3], 'faultAtMs', now)
redis.call('HSETNX', KEYS[1], 'failingSinceMs', now)
redis.call('HINCRBY', KEYS[1], 'tries', 1)
redis.call('ZADD', KEYS[2], now, ARGV[1])
return {1}
`)

/*
 * KEYS 1 name
 * ARGV 1 what is told, 2 its number
 * Answers {1} for the one that is to tell, {0} when it was told.
 */
export const told = script(`
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return {0} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {1}
`)
