/** What the scripts of the limits have in common, as Lua. `now` is in µs; the first argument of each script may set it. */

/*
 * Numbers become text by `int` only: Lua's own tostring keeps 14 digits, and µs since 1970 have 16.
 */
export const prelude = `
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local function int(x) return type(x) == 'number' and string.format('%.0f', x) or x end
local function num(x) return tonumber(x or 0) end
local function load(key)
  local map, flat = {}, redis.call('HGETALL', key)
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end
-- How much rarer calls are than the rules say: each penalty a step, each time without one a step back.
local function steps(pair, recover)
  local back = math.max(0, math.floor((now - num(pair.slowAt)) / recover))
  return math.max(0, num(pair.slow) - back)
end
local function slowness(pair, factor, recover) return factor ^ steps(pair, recover) end
-- The cap on concurrency that a 45033 has taught, grown since; 0 for none.
local function learnedCap(pair, grow)
  if not pair.cap then return 0 end
  return num(pair.cap) + math.floor((now - num(pair.capAt)) / grow)
end
-- Of two caps, where 0 is none.
local function smaller(a, b)
  if a == 0 or b == 0 then return a + b end
  return math.min(a, b)
end
`
