/** What a caller holds who was told to come back: a grant of a later time, or a place in the line for one. */

import type { MethodName } from '../wecom/methods.ts'
import { isLimitedMethod } from './rules.ts'

/** Plain data, to be stored with the job and shown at its next call; worthless to others and for other methods. */
export interface Booking {
  readonly method: MethodName
  /** Penalties raise it; bookings of an older one are void. */
  readonly epoch: string
  /** The grant's time, µs of Redis time. Absent: only a place in the line. */
  readonly atUs?: number
  readonly place?: number
}

const isNumber = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value)

/** What comes back from a record is checked; anything else is no booking. */
export function isBooking(value: unknown): value is Booking {
  if (typeof value !== 'object' || value === null) return false
  const { method, epoch, atUs, place } = value as Record<keyof Booking, unknown>
  if (typeof method !== 'string' || typeof epoch !== 'string' || !/^\d{1,17}$/.test(epoch)) return false
  return isLimitedMethod(method) && isNumber(atUs) && isNumber(place)
}
