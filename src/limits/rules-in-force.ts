/** How a deployment changes the table of rules, and what then holds for one corp and method. Arithmetic, no I/O. */

import type { MethodName } from '../wecom/methods.ts'
import {
  bucketOf,
  checkCap,
  checkedQuota,
  checkFlight,
  checkMethods,
  checkQuotaKept,
  checkScopes,
} from './check-rules.ts'
import { defaultRules, limitedMethods, type MethodRules, type QuotaRule } from './rules.ts'
import type { Rate } from './spacing.ts'
import { leaveShare, redeemShare } from './tuning.ts'

/** What is different from the row below it: a rule by its name; `null` takes it away, a new name adds one. */
export interface RulesChange {
  readonly rates?: Readonly<Record<string, Partial<Rate> | null>>
  readonly concurrency?: number | null
  readonly quota?: Readonly<Record<string, Partial<QuotaRule> | null>>
}

export interface RulesOfCorp {
  /** For every method. */
  readonly all?: RulesChange
  /** Stronger than `all`. */
  readonly methods?: Readonly<Record<string, RulesChange>>
}

export interface LimitsConfig extends RulesOfCorp {
  /** By corp id; stronger than what stands above. `concurrency`: over all methods of the corp. Default: no bound. */
  readonly corps?: Readonly<Record<string, RulesOfCorp & { readonly concurrency?: number }>>
  /** D: the longest way from a grant to the platform, ms; older grants are void. Default 1,000. */
  readonly flightMs?: number
}

/** A rule with the numbers of its bucket. */
export interface Bucket extends Required<Rate> {
  readonly name: string
  readonly spacingUs: number
  readonly toleranceUs: number
}

export interface RulesInForce {
  readonly buckets: readonly Bucket[]
  readonly concurrency: number | undefined
  /** Over all methods of the corp. */
  readonly corpConcurrency: number | undefined
  readonly quota: readonly (QuotaRule & { readonly name: string })[]
}

export interface Rules {
  of(corp: string, method: MethodName): RulesInForce
  /** D, ms. */
  readonly flightMs: number
  /** A call that has not left this long after its grant's time must not leave, ms. */
  readonly grantLifeMs: number
  /** A booking that is not redeemed this long after its time is void, ms. */
  readonly redeemMs: number
}

/** The rules in force. Faults: `config`, naming the rule that cannot hold. */
export function createRules(config: LimitsConfig = {}): Rules {
  const { corps = {}, flightMs = 1_000 } = config
  checkFlight(flightMs)
  for (const layer of [config, ...Object.values(corps)]) checkMethods(layer)
  const known = new Map<string, RulesInForce>()
  const of = (corp: string, method: MethodName): RulesInForce => {
    const key = `${method}:${corp}`
    const rules = known.get(key) ?? resolve(config, corp, method, flightMs)
    known.set(key, rules)
    return rules
  }
  // Everything is looked at now, not when the first call comes. No corp is called "".
  const usual = limitedMethods.flatMap(method => of('', method).buckets)
  const shared = new Set(usual.filter(({ scope }) => scope === 'ip').map(({ name }) => name))
  for (const [corp, layer] of Object.entries(corps)) {
    checkScopes(corp, layer, shared)
    for (const method of limitedMethods) of(corp, method)
  }
  return { of, flightMs, grantLifeMs: flightMs * leaveShare, redeemMs: flightMs * redeemShare }
}

function resolve(config: LimitsConfig, corp: string, method: MethodName, flightMs: number): RulesInForce {
  const own = Object.hasOwn(config.corps ?? {}, corp) ? config.corps?.[corp] : undefined
  const changes = [config.all, config.methods?.[method], own?.all, own?.methods?.[method]]
  const where = own ? `${method} of corp ${corp}` : method
  const row: MethodRules = defaultRules[method]
  const rates = changed(
    row.rates,
    changes.map(change => change?.rates),
  )
  const quota = changed(
    row.quota,
    changes.map(change => change?.quota),
  )
  const quotaRules = Object.entries(quota).map(([name, rule]) => checkedQuota(where, name, rule))
  checkQuotaKept(where, Object.keys(row.quota).length > 0, Object.keys(quota))
  const concurrency = changes.map(change => change?.concurrency).findLast(cap => cap !== undefined)
  for (const cap of [concurrency, own?.concurrency]) checkCap(where, cap)
  return {
    buckets: Object.entries(rates).map(([name, rate]) => bucketOf(where, name, rate, flightMs)),
    concurrency: concurrency ?? undefined,
    corpConcurrency: own?.concurrency,
    quota: quotaRules,
  }
}

type Named<T> = Readonly<Record<string, T>>

function changed<T extends object>(
  row: Named<T>,
  changes: readonly (Named<Partial<T> | null> | undefined)[],
): Named<Partial<T>> {
  const all = new Map<string, Partial<T>>(Object.entries(row))
  for (const [name, change] of changes.flatMap(change => Object.entries(change ?? {}))) {
    if (change === null) all.delete(name)
    else all.set(name, { ...all.get(name), ...change })
  }
  return Object.fromEntries(all)
}
