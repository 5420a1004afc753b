/** The quota's scripts: the platform's calendar in Lua, so that no clock and no time zone of a worker has a say. */

import { script } from '../script.ts'
import { prelude } from './prelude.ts'

/*
 * Asia/Shanghai is UTC+8 all year; days are counted from 2024-01-01, in cycles of four years, which holds until 2099.
 * `span` gives the period that a time lies in, and where the one before began; ms since 1970. ARGV of all scripts: 1
 * now in µs or '', 2 edge in ms, 3 unit (or ''), then per rule: per, amount.
 *
 * `used` is what counts against a rule: all units since the period began, and those of the last moments before it,
 * because for the platform's clock it may have begun already. In its first moments the period before must hold, too.
 */
const calendar = `${prelude}
now = math.floor(now / 1000)
local edge, unit = tonumber(ARGV[2]), ARGV[3]
local zone, day = 28800000, 86400000
local function dayOf(t) return math.floor((t + zone) / day) end
local function startOf(n) return n * day - zone end
local lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
local function firstOfMonth(n)
  local left = (n - 19723) % 1461
  for m = 0, 47 do
    local length = lengths[m % 12 + 1] + (m == 1 and 1 or 0)
    if left < length then break end
    left = left - length
  end
  return n - left
end
local function span(per)
  local today = dayOf(now)
  if per == 'day' then return startOf(today), startOf(today + 1), startOf(today - 1) end
  if per == '30-days' then return now - 30 * day, nil, nil end
  local first = firstOfMonth(today)
  return startOf(first), startOf(firstOfMonth(first + 31)), startOf(firstOfMonth(first - 1))
end
local function since(from) return redis.call('ZCOUNT', KEYS[1], int(from), '+inf') end
local function use(per, amount)
  local start, ends, before = span(per)
  local from = start - edge
  if before and now < start + edge then from = before - edge end
  local used = since(from)
  if ends then
    local free = from < start - edge and since(start - edge) < amount and start + edge or ends + edge
    return used, from, start, ends, free
  end
  -- The oldest that must leave before there is room.
  local oldest = redis.call('ZRANGEBYSCORE', KEYS[1], int(from), '+inf', 'WITHSCORES', 'LIMIT', math.max(0, used - amount), 1)
  local free = (tonumber(oldest[2]) or now) + 30 * day + edge + 1
  return used, from, start, free, free
end
`

/*
 * KEYS 1 units, 2 block
 * Answers {'reserved'} | {'held'} | {'full', number of the rule that lasts longest or 0 for the platform, earliest ms, now}.
 * All rules say yes or nothing is written. A unit of an earlier day was never sent, or it would not be asked for
 * again: it moves to today.
 */
export const reserve = script(`${calendar}
local blocked = tonumber(redis.call('GET', KEYS[2]) or 0)
if blocked > now then return {'full', 0, blocked, now} end
local old = tonumber(redis.call('ZSCORE', KEYS[1], unit) or nil)
if old and old >= startOf(dayOf(now)) then return {'held'} end
local worst, latest = 0, 0
for i = 4, #ARGV, 2 do
  local amount = tonumber(ARGV[i + 1])
  local used, from, _, _, free = use(ARGV[i], amount)
  if old and old >= from then used = used - 1 end
  if used >= amount and free > latest then worst = i / 2 - 1; latest = free end
end
if worst > 0 then return {'full', worst, latest, now} end
redis.call('ZADD', KEYS[1], int(now), unit)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(now - 63 * day))
redis.call('PEXPIRE', KEYS[1], 63 * day)
return {'reserved'}
`)

/*
 * KEYS 1 units, 2 block
 * Answers {now, start of today, units of today, blocked until or 0, then per rule: used, units since start, start, end}.
 */
export const look = script(`${calendar}
local today = startOf(dayOf(now))
local answer = {now, today, since(today), tonumber(redis.call('GET', KEYS[2]) or 0)}
for i = 4, #ARGV, 2 do
  local used, _, start, ends = use(ARGV[i], tonumber(ARGV[i + 1]))
  for _, value in ipairs({used, since(start), start, ends}) do answer[#answer + 1] = value end
end
return answer
`)

/*
 * KEYS 1 units, 2 block
 * Answers {end of today in ms}: until then nothing is spent.
 */
export const shut = script(`${calendar}
local ends = startOf(dayOf(now) + 1) + edge
redis.call('SET', KEYS[2], int(ends), 'PX', int(ends - now))
return {ends}
`)
