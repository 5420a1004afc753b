/** One question to the buckets, and its answer, typed. The script behind it is bucket-script.ts. */

import type { Booking } from './booking.ts'
import { pass } from './bucket-script.ts'
import { bornKey, corpFlightsKey, flightsKey, type Pair, pairKey, sharedKey, spentKey } from './keys.ts'
import { startsEmpty } from './spacing.ts'
import type { Store } from './store.ts'

export interface Question extends Pair {
  /** How far ahead may be booked, ms. */
  readonly reachMs: number
  /** The caller stores bookings and comes back with them. */
  readonly keeps: boolean
  /** Goes ahead of the line, not of bookings. */
  readonly urgent: boolean
  readonly booking: Booking | undefined
  /** Names this call among those under way. */
  readonly lease: string
  /** The birth of this Redis as last seen, or ''. */
  readonly birth: string
}

export type VoidReason = 'epoch' | 'old' | 'spent'

export interface Verdict {
  readonly as: 'go' | 'booked' | 'beyond' | 'shared' | 'crowded'
  readonly waitMs: number
  /** Of the grant; only with `go`. */
  readonly atUs: number
  /** How old the grant was when Redis answered, ms. */
  readonly ageMs: number
  /** What to show next time. */
  readonly booking: Booking | undefined
  /** The booking at hand could not be used. */
  readonly voided: VoidReason | undefined
  readonly birth: string
  readonly memoryLost: boolean
}

const us = (ms: number): number => Math.round(ms * 1_000)
const flag = (is: boolean): string => (is ? '1' : '')

export async function ask(store: Store, question: Question): Promise<Verdict> {
  const { namespace } = store
  const { corp, method, booking } = question
  const keys = [
    pairKey(namespace, question),
    sharedKey(namespace, method, store.egress),
    flightsKey(namespace, question),
    spentKey(namespace, question),
    bornKey(namespace),
    corpFlightsKey(namespace, corp),
  ]
  const reply = await pass(store.redis, keys, argsOf(store, question))
  const [as, wait, at, epoch, place, voided, birth, lost, now] = reply
  const next: Booking = {
    method,
    epoch: String(epoch),
    ...(at !== '' && { atUs: Number(at) }),
    ...(place !== '' && { place: Number(place) }),
  }
  return {
    as: as as Verdict['as'],
    waitMs: Math.ceil(Number(wait) / 1_000),
    atUs: Number(at),
    ageMs: Math.max(0, (Number(now) - Number(at)) / 1_000),
    booking: as !== 'go' && (at !== '' || place !== '') ? next : undefined,
    voided: booking && voided !== '' ? (voided as VoidReason) : undefined,
    birth: String(birth),
    memoryLost: lost === '1',
  }
}

function argsOf({ rules, tuning, assumeSpent, nowUs }: Store, question: Question): (string | number)[] {
  const { corp, method, booking } = question
  const { buckets, concurrency = 0, corpConcurrency = 0 } = rules.of(corp, method)
  const own = buckets.filter(({ scope }) => scope === 'corp')
  const shared = buckets.filter(({ scope }) => scope === 'ip')
  const shortestMs = Math.min(...own.map(({ windowMs }) => windowMs), Number.MAX_SAFE_INTEGER)
  return [
    nowUs?.() ?? '',
    ...[us(question.reachMs), us(tuning.leadMs), us(rules.redeemMs)],
    ...[flag(question.keeps), flag(question.urgent)],
    ...[booking?.atUs === undefined ? '' : booking.epoch, booking?.atUs ?? '', booking?.place ?? ''],
    ...[question.lease, us(tuning.leaseMs), concurrency, corpConcurrency],
    ...[question.birth, own.length > 0 ? us(shortestMs) : 0, flag(assumeSpent)],
    ...[tuning.slowFactor, us(tuning.recoverMs), us(tuning.growEveryMs), us(tuning.crowdSpacingMs)],
    ...[us(tuning.keepMs), own.length],
    ...[...own, ...shared].flatMap(bucket => [
      ...[bucket.name, bucket.spacingUs, bucket.toleranceUs, flag(startsEmpty(bucket))],
    ]),
  ]
}
