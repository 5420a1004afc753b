/** The limits of the platform, kept for a whole fleet in one Redis. */

export { checkRedis, type RedisCheck } from './check.ts'
export type { LimitEvent, OnLimitEvent } from './events.ts'
export { createGate, type LimitGate, type LimitGrant } from './gate.ts'
export type { Pair } from './keys.ts'
export {
  createQuota,
  type Full,
  type Quota,
  type QuotaUsage,
  quotaFault,
  type Reserved,
} from './quota.ts'
export { type PairState, readLimits, readPair } from './read.ts'
export { gatedMethods, limitedMethods } from './rules.ts'
export { createRules, type LimitsConfig, type Rules } from './rules-in-force.ts'
export { createStore, type Store, type StoreOptions } from './store.ts'
