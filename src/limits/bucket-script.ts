/**
 * The gate's one script: may this corp call this method now, and if not, when? All rules say go or none is charged.
 * Why its numbers keep the promise stands in spacing.ts. Times are whole microseconds of Redis time; TypeScript never
 * compares them with its own clock.
 */

import { type Script, script } from '../script.ts'
import type { MarkAlong } from '../wecom/seams.ts'
import { prelude } from './prelude.ts'

/*
 * KEYS 1 pair, 2 shared buckets, 3 calls under way, 4 bookings used, 5 born, 6 calls under way of the whole corp,
 *      then those of the mark
 * ARGV 1 now in µs, or '' for Redis' own (only tests say it)
 *      2 reach: how far ahead may be booked, µs
 *      3 '1' if the caller keeps bookings, so that it may stand in line   4 '1' to go ahead of the line
 *      5 epoch and 6 time of the booking it holds, or ''   7 its place in the line, or ''
 *      8 id of the lease   9 birth that the caller knows, or ''   then those of the mark
 * The numbers of the rules are part of the text: see bucket-numbers.ts.
 *
 * Answers {verdict, wait in µs, time, epoch, place or '', why the booking was void or '', birth, '1' if memory was lost, now}.
 *   go        the call may leave; its grant is of that time; a lease counts it
 *   booked    the grant will be at that time: come back then
 *   beyond    nothing was booked; wait is until the call should ask again
 *   shared    the corp may, but the address may not; nothing was charged beyond a booking that stays
 *   crowded   the corp may, but too many calls are under way; likewise
 *   refused   the caller itself may not speak any more, whatever the rules say: the time is its word for it
 *
 * Place in line: `issued` counts the tickets given, `served` the last one that came to its grant. If nothing is
 * booked ahead though somebody is in line, those in front are gone (cancelled, dead): the line starts anew.
 * A second run (a lost answer) books once more and so leaves a gap; a booking is used once only.
 */
const body = `
local reach = tonumber(ARGV[2])
local keeps, front = ARGV[3] == '1', ARGV[4] == '1'
local heldEpoch, heldAt, place = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local knownBirth = ARGV[9]

local pair, shared = load(KEYS[1]), load(KEYS[2])
local epoch = pair.epoch or int(now)
local function save(key, fields)
  local flat = {}
  for field, value in pairs(fields) do flat[#flat + 1] = field; flat[#flat + 1] = int(value) end
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, math.ceil(keep / 1000))
end
local function soonest(rules, from, ahead)
  local at = from
  for _, r in ipairs(rules) do at = math.max(at, r.tat + ahead * r.T - r.tau) end
  return at
end
local function charge(key, rules, at, fields)
  for _, r in ipairs(rules) do fields[r.field] = math.max(at, r.tat) + r.T end
  if next(fields) then save(key, fields) end
end

-- Does this Redis remember? The marker never expires.
local birth = load(KEYS[5])
local lost, closed = '', num(birth['until'])
if not birth.at then
  birth.at = int(now)
  if knownBirth ~= '' or assumeSpent then lost = '1'; closed = now + loss end
  redis.call('HSET', KEYS[5], 'at', birth.at, 'until', int(closed))
elseif knownBirth ~= '' and knownBirth ~= birth.at then
  lost = '1'; closed = math.max(closed, num(birth.at) + loss)
  redis.call('HSET', KEYS[5], 'until', int(closed))
end
for _, r in ipairs(own) do r.T = math.ceil(r.T * slowness(pair, slowFactor, recover)) end
for _, rules in ipairs({own, common}) do
  for _, r in ipairs(rules) do
    local empty = (closed > 0 or r.startsEmpty) and num(birth.at) + r.tau or 0
    r.tat = math.max(num((rules == own and pair or shared)[r.field]), empty)
  end
end

local void = ''
local function answer(verdict, wait, at)
  return {verdict, math.ceil(wait), at or '', epoch, place or '', void, birth.at, lost, now}
end

local word = mayMark(7, 10)
if word ~= '' then return answer('refused', 0, word) end

-- Who has no place under a cap, or at the address, gets an estimate of its turn: together they must not ask too often.
local function turn(key, map, field, from, spacing)
  local at = math.max(num(map[field]), from) + spacing
  save(key, {[field] = at})
  return at - now
end
local function full(key, cap)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', int(now))
  return cap > 0 and redis.call('ZCARD', key) >= cap
end
local function refusal(holds)
  local cap = smaller(learnedCap(pair, grow), ownCap)
  if full(KEYS[3], cap) or corpCap > 0 and full(KEYS[6], corpCap) then
    local spacing = crowdSpacing / smaller(cap, corpCap)
    return 'crowded', holds and spacing or turn(KEYS[1], pair, 'crowd', now, spacing)
  end
  local at = soonest(common, now, 0)
  if at <= now then return nil end
  return 'shared', holds and at - now or turn(KEYS[2], shared, 'turn', at, common[1].T)
end
local function leave()
  mark(7, 10)
  charge(KEYS[2], common, now, {})
  for i, key in ipairs({KEYS[3], KEYS[6]}) do
    if i == 1 or corpCap > 0 then
      redis.call('ZADD', key, int(now + lease), ARGV[8])
      redis.call('PEXPIRE', key, math.ceil(lease / 500))
    end
  end
end

-- A booking at hand.
if heldAt then
  local name = int(heldAt)
  if heldEpoch ~= epoch then void = 'epoch'
  elseif now > heldAt + life then void = 'old'
  elseif redis.call('ZSCORE', KEYS[4], name) then void = 'spent'
  elseif now < heldAt then return answer('booked', heldAt - now, heldAt)
  else
    local why, wait = refusal(true)
    if why then return answer(why, wait, heldAt) end
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', int(now - 2 * life))
    redis.call('ZADD', KEYS[4], name, name)
    redis.call('PEXPIRE', KEYS[4], math.ceil(life / 250))
    leave()
    return answer('go', 0, heldAt)
  end
  place = nil
end

-- A new one.
local from = math.max(now, num(pair['until']), closed)
local at = soonest(own, from, 0)
local issued, served = num(pair.issued), num(pair.served)
if at <= now and issued > served then served = issued; save(KEYS[1], {served = served}) end
if place and place > issued then place = nil end
local ahead = issued - served
if place then ahead = math.max(0, place - served - 1) end
if front or void ~= '' or not keeps then ahead = 0 end
local estimate = soonest(own, from, ahead)
if estimate > (keeps and from or now) + reach then
  if not keeps then return answer('beyond', estimate - now) end
  -- Who had a booking goes back to the front, not to the end.
  if not place and (front or void ~= '') then place = served end
  if not place then
    place = issued + 1
    save(KEYS[1], {epoch = epoch, issued = place})
  end
  return answer('beyond', estimate - math.min(lead, reach / 2) - now)
end
if at <= now then
  local why, wait = refusal(false)
  if why then return answer(why, wait) end
  leave()
end
charge(KEYS[1], own, at, {epoch = epoch, served = math.max(served, place or 0)})
place = nil
return answer(at <= now and 'go' or 'booked', at - now, at)
`
/** Of calls that leave no mark. */
const noMark = { lua: "local function mayMark() return '' end local function mark() end" }

/** By numbers, then by the mark's part: putting the text together and looking it up cost more than sending it. */
const known = new Map<string, Map<string, Script>>()

/** The script for these numbers, and for this kind of mark. */
export function passFor(numbers: string, { lua }: Pick<MarkAlong, 'lua'> = noMark): Script {
  const found = known.get(numbers)?.get(lua)
  if (found) return found
  const made = script(`${numbers}${lua}${prelude}${body}`)
  known.set(numbers, (known.get(numbers) ?? new Map()).set(lua, made))
  return made
}
