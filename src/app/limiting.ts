/** The limits of one process: gate, quota and their store over one Redis, checked before anything is sent. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { OnLimitEvent, Pair, Quota, Store } from '../limits/index.ts'
import {
  checkRedis,
  createGate,
  createQuota,
  createRules,
  createStore,
  type LimitGate,
  quotaFault,
} from '../limits/index.ts'
import type { Logger } from '../log.ts'
import type { Units } from '../processors/context.ts'
import type { Connection } from '../redis/connection.ts'

export interface Limits {
  readonly store: Store
  readonly gate: LimitGate
  readonly quota: Quota
}

/** Faults: `config` for rules that can't hold, and for a Redis that evicts keys. */
export async function openLimits(
  { limits, egress, assumeSpent }: Pick<Config, 'limits' | 'egress' | 'assumeSpent'>,
  {
    redis,
    namespace,
    onEvent,
    log,
  }: { redis: Connection; namespace: string; onEvent?: OnLimitEvent; log?: Logger },
): Promise<Limits> {
  const rules = createRules(limits)
  const { warnings } = await checkRedis(redis, systemClock, rules)
  for (const warning of warnings) log?.warn(warning)
  const store = createStore({ redis, namespace, rules, egress, assumeSpent })
  return {
    store,
    gate: createGate(store, onEvent ? { onEvent } : {}),
    quota: createQuota(store, onEvent),
  }
}

/** The quota as processors see it: apps instead of companies, faults instead of answers. */
export const unitsOf = (quota: Quota, corpOf: (app: string) => string): Units => {
  const pair = (app: string): Pair => ({ corp: corpOf(app), method: 'media/uploadimg' })
  return {
    async reserve(app, unit) {
      const reserved = await quota.reserve(pair(app), unit)
      if (reserved.as === 'full') throw quotaFault(pair(app), reserved)
    },
    giveBack: (app, unit) => quota.giveBack(pair(app), unit),
  }
}
