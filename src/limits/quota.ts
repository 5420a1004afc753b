/**
 * The quota of permanent images, as a set of unit ids: adding one twice is harmless, so nothing is spent twice. A unit
 * is reserved before its call; the same one is asked for again as long as it was never sent; after an unknown outcome
 * it stays, and the next call takes another; it is given back only when the platform surely did not count.
 */

import { Fault } from '../fault.ts'
import { type OnLimitEvent, teller } from './events.ts'
import { type Forecast, forecast, type QuotaUse } from './forecast.ts'
import { type Pair, quotaBlockKey, quotaKey } from './keys.ts'
import { look, reserve, shut } from './quota-script.ts'
import type { Store } from './store.ts'

export type QuotaStore = Pick<Store, 'redis' | 'namespace' | 'rules' | 'tuning' | 'nowUs'>

export interface Full {
  readonly as: 'full'
  /** The rule that lasts longest, or `platform` where the platform itself has refused. */
  readonly rule: string
  /** Redis time, ms. There may be room then; others may be faster. */
  readonly earliestAtMs: number
  readonly waitMs: number
}

/** `held`: the unit was reserved before, today. */
export type Reserved = { readonly as: 'reserved' | 'held' } | Full

export interface QuotaUsage extends Forecast {
  readonly rules: readonly QuotaUse[]
  /** The platform has refused: nothing is spent until then. */
  readonly blockedUntilMs?: number
}

export interface Quota {
  /**
   * Charges the unit against every rule, or none. Methods without a quota are always `held`. `unit`: the job's id and
   * how many of its units are spent, so that the same one is asked for until it was sent.
   */
  reserve(pair: Pair, unit: string): Promise<Reserved>
  /** Only when the platform surely did not count the call. */
  giveBack(pair: Pair, unit: string): Promise<void>
  usage(pair: Pair): Promise<QuotaUsage>
}

/** The fault of a refused reservation. */
export const quotaFault = ({ corp, method }: Pair, { rule, earliestAtMs, waitMs }: Full): Fault => {
  const when = new Date(earliestAtMs).toISOString()
  return new Fault(
    'quota',
    `${method} of corp ${corp}: the ${rule} quota is used up; room at ${when} at the earliest`,
    {
      waitMs,
    },
  )
}

export function createQuota(store: QuotaStore, onEvent?: OnLimitEvent): Quota {
  const tell = teller(onEvent)
  return {
    async reserve(pair, unit) {
      const { quota } = store.rules.of(pair.corp, pair.method)
      if (quota.length === 0) return { as: 'held' }
      const [as, rule, earliest, now] = await reserve(
        store.redis,
        keysOf(store, pair),
        argsOf(store, pair, unit),
      )
      if (as !== 'full') {
        tell({ as: 'unit', ...pair, unit: as === 'held' ? 'held' : 'reserved' })
        return { as: as === 'held' ? 'held' : 'reserved' }
      }
      const name = quota[Number(rule) - 1]?.name ?? 'platform'
      const full: Full = {
        as,
        rule: name,
        earliestAtMs: Number(earliest),
        waitMs: Number(earliest) - Number(now),
      }
      tell({ as: 'quota', ...pair, rule: name, earliestAtMs: full.earliestAtMs })
      return full
    },
    async giveBack(pair, unit) {
      const gone = await store.redis.zrem(quotaKey(store.namespace, pair), unit)
      if (gone > 0) tell({ as: 'unit', ...pair, unit: 'given-back' })
    },
    usage: pair => usage(store, pair),
  }
}

async function usage(store: QuotaStore, pair: Pair): Promise<QuotaUsage> {
  const { quota } = store.rules.of(pair.corp, pair.method)
  const reply = await look(store.redis, keysOf(store, pair), argsOf(store, pair, ''))
  const [nowMs = 0, dayStartMs = 0, usedToday = 0, blockedUntilMs = 0, ...numbers] = reply.map(Number)
  const rules = quota.map(({ name, amount }, i): QuotaUse => {
    const [used = 0, sinceStart = 0, startMs = 0, endsAtMs = 0] = numbers.slice(4 * i, 4 * i + 4)
    return { rule: name, amount, used: sinceStart, left: Math.max(0, amount - used), startMs, endsAtMs }
  })
  return {
    rules,
    ...forecast({ nowMs, dayStartMs, usedToday, rules }),
    ...(blockedUntilMs > nowMs && { blockedUntilMs }),
  }
}

/**
 * The platform has refused although there was room: somebody else shares the quota. Closed until its day ends; a month
 * that is used up (its block lasts 30 days, document/path/90454) shows as one refused call a day.
 */
export async function blockQuota(store: QuotaStore, pair: Pair): Promise<number> {
  const [until] = await shut(store.redis, keysOf(store, pair), argsOf(store, pair, ''))
  return Number(until)
}

const keysOf = ({ namespace }: QuotaStore, pair: Pair): string[] => [
  quotaKey(namespace, pair),
  quotaBlockKey(namespace, pair),
]

const argsOf = ({ rules, tuning, nowUs }: QuotaStore, pair: Pair, unit: string): (string | number)[] => [
  ...[nowUs?.() ?? '', tuning.quotaEdgeMs, unit],
  ...rules.of(pair.corp, pair.method).quota.flatMap(({ per, amount }) => [per, amount]),
]
