/** What cannot hold is refused before the first call is made: every complaint names the rule and says what would do. */

import { Fault } from '../fault.ts'
import { isLimitedMethod, limitedMethods, type QuotaRule } from './rules.ts'
import type { Bucket, RulesOfCorp } from './rules-in-force.ts'
import { burstOf, type Rate, spacingUs, toleranceUs } from './spacing.ts'

const wrong = (what: string, why: string): Fault => new Fault('config', `limits: ${what} ${why}`)

const isCount = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= least

/** Marks must stay exact in a double: now is about 2^51 µs. */
const longestWindowMs = 31 * 86_400_000

/** D itself. */
export function checkFlight(flightMs: number): void {
  if (!isCount(flightMs, 1)) throw wrong('flightMs', `is ${flightMs}: write whole milliseconds, at least 1`)
}

/** A rate that is whole and can be kept, with its bucket's numbers. `where`: the method, and the corp if it has its own. */
export function bucketOf(where: string, name: string, rate: Partial<Rate>, flightMs: number): Bucket {
  const rule = `rule "${name}" of ${where}`
  const { amount = Number.NaN, windowMs = Number.NaN, scope = 'corp' } = rate
  // The name becomes a field in Redis.
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw wrong(rule, 'has a name of other than a-z, 0-9 and -')
  if (scope !== 'corp' && scope !== 'ip') throw wrong(rule, `has the scope "${scope}": write corp or ip`)
  if (!isCount(amount, 2)) throw wrong(rule, `has the amount ${amount}: write a whole number, at least 2`)
  if (!isCount(windowMs, 1) || windowMs > longestWindowMs) {
    throw wrong(rule, `has a window of ${windowMs} ms: write whole milliseconds, at most 31 days`)
  }
  if (windowMs <= flightMs) {
    throw wrong(
      rule,
      `has a window of ${windowMs} ms, and a call may take ${flightMs} ms to arrive: make it longer`,
    )
  }
  const whole: Rate = { ...rate, amount, windowMs, scope }
  const burst = burstOf(whole)
  if (!isCount(burst, 1)) throw wrong(rule, `has a burst of ${burst}: write a whole number, at least 1`)
  if (burst >= amount)
    throw wrong(rule, `has a burst of ${burst}, but its amount is ${amount}: the burst must be less`)
  const numbers = { spacingUs: spacingUs(whole, flightMs), toleranceUs: toleranceUs(whole, flightMs) }
  return { name, amount, windowMs, scope, burst, ...numbers }
}

export function checkedQuota(
  where: string,
  name: string,
  rule: Partial<QuotaRule>,
): QuotaRule & { name: string } {
  const { amount = Number.NaN, per } = rule
  const quota = `quota "${name}" of ${where}`
  if (!isCount(amount, 1)) throw wrong(quota, `has the amount ${amount}: write a whole number, at least 1`)
  if (per === 'day' || per === 'month' || per === '30-days') return { name, amount, per }
  throw wrong(quota, `counts per "${per}": write day, month or 30-days`)
}

/** Units are reserved by whoever makes the call, and only the image job does. */
export function checkQuotaKept(where: string, isKept: boolean, names: readonly string[]): void {
  const [name] = names
  if (isKept || name === undefined) return
  throw wrong(`quota "${name}" of ${where}`, 'would not be kept: only media/uploadimg has quotas')
}

export function checkCap(where: string, cap: number | null | undefined): void {
  if (cap === undefined || cap === null || isCount(cap, 1)) return
  throw wrong(`the concurrency of ${where}`, `is ${cap}: write a whole number, at least 1`)
}

export function checkMethods({ methods = {} }: RulesOfCorp): void {
  const unknown = Object.keys(methods).find(name => !isLimitedMethod(name))
  if (unknown === undefined) return
  throw wrong(`method "${unknown.slice(0, 64)}"`, `is not known: write one of ${limitedMethods.join(', ')}`)
}

/** A bucket that several corps share has one size. `shared`: the names of such rules. */
export function checkScopes(
  corp: string,
  { all, methods = {} }: RulesOfCorp,
  shared: ReadonlySet<string>,
): void {
  const rates = [all, ...Object.values(methods)].flatMap(change => Object.entries(change?.rates ?? {}))
  const bad = rates.find(([name, change]) => shared.has(name) || change?.scope === 'ip')
  if (bad)
    throw wrong(`rule "${bad[0]}"`, `counts per address, so corp ${corp} cannot have its own: set it for all`)
}
