/** How the limits stand, as plain data: for the `limits` command and for metrics. Reads only. */

import { script } from '../script.ts'
import { bornKey, corpFlightsKey, flightsKey, type Pair, pairKey, sharedKey } from './keys.ts'
import { prelude } from './prelude.ts'
import { createQuota, type QuotaUsage } from './quota.ts'
import { gatedMethods } from './rules.ts'
import type { Store } from './store.ts'

/*
 * KEYS 1 pair, 2 shared, 3 calls under way, 4 born, 5 calls under way of the corp
 * ARGV 1 now in µs or ''   2 µs per step back   3 µs in which a cap grows; then per rule: name, '1' if of the corp
 * Answers {now, closed until, length, steps, cap, under way, under way of the corp, in line, closed because forgotten until,
 * then per rule: its number or 0}.
 */
const read = script(`${prelude}
local pair, shared, born = load(KEYS[1]), load(KEYS[2]), load(KEYS[4])
local line = num(pair.issued) - num(pair.served)
local answer = {now, num(pair['until']), num(pair.length), steps(pair, tonumber(ARGV[2])),
  learnedCap(pair, tonumber(ARGV[3])), redis.call('ZCOUNT', KEYS[3], int(now), '+inf'),
  redis.call('ZCOUNT', KEYS[5], int(now), '+inf'), line, num(born['until'])}
for i = 4, #ARGV, 2 do
  answer[#answer + 1] = num((ARGV[i + 1] == '1' and pair or shared)['tat:' .. ARGV[i]])
end
return answer
`)

export interface BucketState {
  readonly rule: string
  readonly scope: 'corp' | 'ip'
  readonly amount: number
  readonly windowMs: number
  /** Of the burst: 1 is rested, 0 is at its steady pace; below 0 calls are booked ahead. */
  readonly rested: number
  /** Until a call could go by this rule, ms. */
  readonly nextInMs: number
  /** Calls booked ahead. */
  readonly bookedAhead: number
}

export interface PenaltyState {
  /** Redis time, ms. */
  readonly untilMs: number
  readonly lengthMs: number
}

export interface PairState extends Pair {
  readonly nowMs: number
  readonly buckets: readonly BucketState[]
  /** Closed by a 45009. */
  readonly penalty?: PenaltyState
  /** Closed because Redis has forgotten what it knew, until; ms. */
  readonly forgotUntilMs?: number
  /** Of the configured rate, after penalties; 1 is all of it. */
  readonly rateShare: number
  /** Jobs that wait further back than bookings reach; those that were cancelled in line count until the line moves on. */
  readonly inLine: number
  readonly concurrency: {
    readonly underWay: number
    readonly underWayOfCorp: number
    /** Configured, or learned from a 45033. */
    readonly cap?: number
    readonly isLearned: boolean
  }
  readonly quota?: QuotaUsage
}

export async function readPair(store: Store, pair: Pair): Promise<PairState> {
  const { redis, namespace, rules, tuning, egress, nowUs } = store
  const { buckets, concurrency, quota } = rules.of(pair.corp, pair.method)
  const keys = [
    pairKey(namespace, pair),
    sharedKey(namespace, pair.method, egress),
    flightsKey(namespace, pair),
    bornKey(namespace),
    corpFlightsKey(namespace, pair.corp),
  ]
  const names = buckets.flatMap(({ name, scope }) => [name, scope === 'corp' ? '1' : ''])
  const args = [nowUs?.() ?? '', tuning.recoverMs * 1_000, tuning.growEveryMs * 1_000, ...names]
  const numbers = (await read(redis, keys, args)).map(Number)
  const [
    now = 0,
    until = 0,
    length = 0,
    steps = 0,
    learned = 0,
    underWay = 0,
    ofCorp = 0,
    inLine = 0,
    forgot = 0,
  ] = numbers
  const slowness = tuning.slowFactor ** steps
  const cap = Math.min(learned || Number.POSITIVE_INFINITY, concurrency ?? Number.POSITIVE_INFINITY)
  return {
    ...pair,
    nowMs: now / 1_000,
    buckets: buckets.map((bucket, i) =>
      stateOf(bucket, numbers[9 + i] ?? 0, now, bucket.scope === 'corp' ? slowness : 1),
    ),
    ...(until > now && { penalty: { untilMs: until / 1_000, lengthMs: length / 1_000 } }),
    ...(forgot > now && { forgotUntilMs: forgot / 1_000 }),
    rateShare: 1 / slowness,
    inLine,
    concurrency: {
      ...{ underWay, underWayOfCorp: ofCorp, isLearned: learned > 0 && learned === cap },
      ...(Number.isFinite(cap) && { cap }),
    },
    ...(quota.length > 0 && { quota: await createQuota(store).usage(pair) }),
  }
}

type Bucket = ReturnType<Store['rules']['of']>['buckets'][number]

function stateOf(bucket: Bucket, tat: number, now: number, slowness: number): BucketState {
  const { name: rule, scope, amount, windowMs, burst, spacingUs, toleranceUs } = bucket
  const aheadUs = tat - toleranceUs - now
  const spacing = spacingUs * slowness
  return {
    ...{ rule, scope, amount, windowMs },
    rested: Math.min(1, (now + toleranceUs + spacing - Math.max(now, tat)) / (burst * spacing)),
    nextInMs: Math.max(0, aheadUs / 1_000),
    bookedAhead: Math.max(0, Math.ceil(aheadUs / spacing)),
  }
}

/** Every method of these corps that passes the gate. */
export const readLimits = (store: Store, corps: readonly string[]): Promise<PairState[]> =>
  Promise.all(corps.flatMap(corp => gatedMethods.map(method => readPair(store, { corp, method }))))
