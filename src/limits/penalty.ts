/**
 * What the platform's refusals teach: 45009 closes a corp's method for the whole fleet and makes it slower for a while,
 * 45033 lowers its concurrency. Both end by themselves. Refusals of calls granted before the last penalty began belong
 * to it: they neither prolong nor double it.
 */

import { script } from '../script.ts'
import { flightsKey, type Pair, pairKey } from './keys.ts'
import { prelude } from './prelude.ts'
import { us } from './spacing.ts'
import type { Store } from './store.ts'

/*
 * KEYS 1 pair
 * ARGV 1 now in µs or ''   2 time of the refused grant in µs, or ''   3 first, 4 greatest length, 5 how soon is again, µs
 *      6 most steps   7 µs per step back   8 µs to keep; then name, T, τ of the corp's rules
 * Answers {'began', end in µs, length in µs, steps} | {'known', end in µs, length in µs, steps}.
 *
 * The epoch rises, so every booking is void. Their marks are taken back: calls that did go have marks ≤ now + τ, so
 * now + τ + T is as safe as the old number and much nearer. After the end the buckets have no burst.
 * A second run (a lost answer) finds the penalty known.
 */
const strike = script(`${prelude}
local pair = load(KEYS[1])
local first, most, again = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ends, length = num(pair['until']), num(pair.length)
local slow = steps(pair, tonumber(ARGV[7]))
if ends > now or num(pair.struckAt) >= (tonumber(ARGV[2]) or now) then return {'known', ends, length, slow} end
length = length > 0 and now < ends + again and math.min(2 * length, most) or first
ends = now + length
slow = math.min(slow + 1, tonumber(ARGV[6]))
local flat = {'epoch', int(math.max(num(pair.epoch) + 1, now)), 'until', int(ends), 'length', int(length),
  'struckAt', int(now), 'slow', slow, 'slowAt', int(ends)}
for i = 9, #ARGV, 3 do
  local field, T, tau = 'tat:' .. ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local used = math.min(tonumber(pair[field]) or math.huge, now + tau + T)
  flat[#flat + 1] = field; flat[#flat + 1] = int(math.max(ends + tau, used))
end
redis.call('HSET', KEYS[1], unpack(flat))
redis.call('PEXPIRE', KEYS[1], math.ceil((length + tonumber(ARGV[8])) / 1000))
return {'began', ends, length, slow}
`)

export interface Penalty {
  /** False: the refusal belongs to a penalty that is known. */
  readonly isNew: boolean
  /** Redis time, ms. */
  readonly untilMs: number
  readonly lengthMs: number
  /** Of the configured rate, for the time after: 1 is all of it. */
  readonly rateShare: number
}

/** 45009: nobody calls this method for this corp until the penalty ends. `grantAtUs`: of the call that was refused. */
export async function penalise(store: Store, pair: Pair, grantAtUs?: number): Promise<Penalty> {
  const { redis, namespace, tuning, rules, nowUs } = store
  const own = rules.of(pair.corp, pair.method).buckets.filter(({ scope }) => scope === 'corp')
  const [as, until, length, slow] = await strike(
    redis,
    [pairKey(namespace, pair)],
    [
      ...[nowUs?.() ?? '', grantAtUs ?? ''],
      ...[us(tuning.penaltyMs), us(tuning.penaltyMostMs), us(tuning.againWithinMs)],
      ...[tuning.slowMost, us(tuning.recoverMs), us(tuning.keepMs)],
      ...own.flatMap(({ name, spacingUs, toleranceUs }) => [name, spacingUs, toleranceUs]),
    ],
  )
  return {
    isNew: as === 'began',
    untilMs: Math.ceil(Number(until) / 1_000),
    lengthMs: Number(length) / 1_000,
    rateShare: tuning.slowFactor ** -Number(slow),
  }
}

/*
 * KEYS 1 pair, 2 its calls under way
 * ARGV 1 now in µs or ''   2 time of the refused grant in µs, or ''   3 µs in which a cap grows by one   4 µs to keep
 * Answers {'lowered', cap} | {'known', cap}: half of what was under way, or of the cap, and at least one.
 */
const crowd = script(`${prelude}
local pair, grow = load(KEYS[1]), tonumber(ARGV[3])
local cap = learnedCap(pair, grow)
if pair.cap and num(pair.capAt) >= (tonumber(ARGV[2]) or now) then return {'known', cap} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', int(now))
local under = math.max(1, redis.call('ZCARD', KEYS[2]))
cap = math.max(1, math.floor(smaller(cap, under) / 2))
redis.call('HSET', KEYS[1], 'cap', cap, 'capAt', int(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[4]) / 1000))
return {'lowered', cap}
`)

export interface Crowding {
  readonly isNew: boolean
  /** Calls under way at once from now on; grows by one in each `growEveryMs`. */
  readonly cap: number
}

/** 45033: fewer calls of this corp and method at once. */
export async function lowerConcurrency(store: Store, pair: Pair, grantAtUs?: number): Promise<Crowding> {
  const { redis, namespace, tuning, nowUs } = store
  const keys = [pairKey(namespace, pair), flightsKey(namespace, pair)]
  const args = [nowUs?.() ?? '', grantAtUs ?? '', us(tuning.growEveryMs), us(tuning.keepMs)]
  const [as, cap] = await crowd(redis, keys, args)
  return { isNew: as === 'lowered', cap: Number(cap) }
}
