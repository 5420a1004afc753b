/**
 * The numbers of the gate's script as part of its text: they change with the configuration only, and each would be one
 * more argument to write and to read with every call. One text for all corps with the same rules.
 */

import type { MethodName } from '../wecom/methods.ts'
import type { Bucket, RulesInForce } from './rules-in-force.ts'
import { startsEmpty, us } from './spacing.ts'
import type { Store } from './store.ts'

/** A name is of a-z, 0-9 and - only: check-rules.ts. */
const ruleLua = (bucket: Bucket): string => {
  const { name, spacingUs, toleranceUs } = bucket
  return `{field = 'tat:${name}', T = ${spacingUs}, tau = ${toleranceUs}, startsEmpty = ${startsEmpty(bucket)}}`
}

/** Times in µs; a cap of 0 is none. `own` and `common`: the rules of the corp, and of the address. */
function luaOf({ rules, tuning, assumeSpent }: Store, inForce: RulesInForce): string {
  const { buckets, concurrency = 0, corpConcurrency = 0 } = inForce
  const own = buckets.filter(({ scope }) => scope === 'corp')
  const shared = buckets.filter(({ scope }) => scope === 'ip')
  const shortestMs = Math.min(...own.map(({ windowMs }) => windowMs), Number.MAX_SAFE_INTEGER)
  const numbers = {
    lead: us(tuning.leadMs),
    life: us(rules.redeemMs),
    lease: us(tuning.leaseMs),
    ownCap: concurrency,
    corpCap: corpConcurrency,
    // To stay closed after a loss of memory.
    loss: own.length > 0 ? us(shortestMs) : 0,
    assumeSpent,
    slowFactor: tuning.slowFactor,
    recover: us(tuning.recoverMs),
    grow: us(tuning.growEveryMs),
    crowdSpacing: us(tuning.crowdSpacingMs),
    keep: us(tuning.keepMs),
    own: `{${own.map(ruleLua).join(', ')}}`,
    common: `{${shared.map(ruleLua).join(', ')}}`,
  }
  return Object.entries(numbers)
    .map(([name, value]) => `local ${name} = ${value}\n`)
    .join('')
}

const known = new WeakMap<Store, Map<RulesInForce, string>>()

export function numbersOf(store: Store, corp: string, method: MethodName): string {
  const inForce = store.rules.of(corp, method)
  const ofStore = known.get(store) ?? new Map<RulesInForce, string>()
  known.set(store, ofStore)
  const found = ofStore.get(inForce) ?? luaOf(store, inForce)
  ofStore.set(inForce, found)
  return found
}
