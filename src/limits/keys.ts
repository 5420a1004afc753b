/** The names under which limits live in Redis. The corp comes last: a method's name has no colon, a corp's might. */

import type { MethodName } from '../wecom/methods.ts'

/** What a limit of the platform is counted by. */
export interface Pair {
  readonly corp: string
  readonly method: MethodName
}

/** HASH: the buckets, the line and the penalties of one corp and method. */
export const pairKey = (namespace: string, { corp, method }: Pair): string =>
  `${namespace}:limit:pair:${method}:${corp}`

/** HASH: the buckets that several corps share, per way out to the internet. */
export const sharedKey = (namespace: string, method: MethodName, egress: string): string =>
  `${namespace}:limit:shared:${method}:${egress}`

/** ZSET of leases; score: when the lease ends, µs of Redis time. */
export const flightsKey = (namespace: string, { corp, method }: Pair): string =>
  `${namespace}:limit:flights:${method}:${corp}`

/** The same over all methods of a corp; written only where a cap for it is configured. */
export const corpFlightsKey = (namespace: string, corp: string): string =>
  `${namespace}:limit:corp-flights:${corp}`

/** ZSET of bookings that were used, so that none is used twice; a few seconds' worth. */
export const spentKey = (namespace: string, { corp, method }: Pair): string =>
  `${namespace}:limit:spent:${method}:${corp}`

/** HASH: since when this Redis remembers, and until when everything is closed because it forgot. */
export const bornKey = (namespace: string): string => `${namespace}:limit:born`

/** ZSET of unit ids; score: when the unit was reserved, ms of Redis time. */
export const quotaKey = (namespace: string, { corp, method }: Pair): string =>
  `${namespace}:limit:quota:${method}:${corp}`

/** String: until when the platform has closed the quota, ms; expires by itself. */
export const quotaBlockKey = (namespace: string, { corp, method }: Pair): string =>
  `${namespace}:limit:quota-block:${method}:${corp}`
