/** One question to the buckets, and its answer, typed. The script behind it is bucket-script.ts. */

import type { MarkAlong } from '../wecom/seams.ts'
import type { Booking } from './booking.ts'
import { numbersOf } from './bucket-numbers.ts'
import { passFor } from './bucket-script.ts'
import { bornKey, corpFlightsKey, flightsKey, type Pair, pairKey, sharedKey, spentKey } from './keys.ts'
import { us } from './spacing.ts'
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
  /** To be marked by a `go`, and by nothing else. */
  readonly along?: MarkAlong | undefined
}

export type VoidReason = 'epoch' | 'old' | 'spent'

export interface Verdict {
  readonly as: 'go' | 'booked' | 'beyond' | 'shared' | 'crowded' | 'refused'
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
  /** What the mark said of a call that may not be made any more; only with `refused`. */
  readonly word: string
}

const flag = (is: boolean): string => (is ? '1' : '')

export async function ask(store: Store, question: Question): Promise<Verdict> {
  const { namespace } = store
  const { corp, method, booking, along } = question
  const keys = [
    pairKey(namespace, question),
    sharedKey(namespace, method, store.egress),
    flightsKey(namespace, question),
    spentKey(namespace, question),
    bornKey(namespace),
    corpFlightsKey(namespace, corp),
    ...(along?.keys ?? []),
  ]
  const pass = passFor(numbersOf(store, corp, method), along)
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
    booking: as !== 'go' && as !== 'refused' && (at !== '' || place !== '') ? next : undefined,
    voided: booking && voided !== '' ? (voided as VoidReason) : undefined,
    birth: String(birth),
    memoryLost: lost === '1',
    word: as === 'refused' ? String(at) : '',
  }
}

function argsOf({ nowUs }: Store, question: Question): (string | number)[] {
  const { reachMs, keeps, urgent, booking, lease, birth, along } = question
  return [
    ...[nowUs?.() ?? '', us(reachMs), flag(keeps), flag(urgent)],
    ...[booking?.atUs === undefined ? '' : booking.epoch, booking?.atUs ?? '', booking?.place ?? ''],
    ...[lease, birth, ...(along?.args ?? [])],
  ]
}
