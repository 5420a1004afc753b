/** Limits on a real Redis in a time that the test sets: what is checked is the script that runs in production. */

import { ask, type Question } from '../../src/limits/bucket.ts'
import { createRules, createStore, type LimitsConfig, type Pair } from '../../src/limits/index.ts'
import type { RulesChange } from '../../src/limits/rules-in-force.ts'
import type { Tuning } from '../../src/limits/tuning.ts'
import { testRedis } from '../support/redis.ts'

export const startMs = Date.UTC(2026, 9, 1)

/** A rule of the corp and nothing else. */
export const only = (rates: Record<string, object>): RulesChange => ({
  rates: { minute: null, hour: null, 'ip-minute': null, 'ip-hour': null, ...rates } as never,
})

export const pair: Pair = { corp: 'ww1', method: 'media/upload' }

export interface VirtualOptions {
  readonly config?: LimitsConfig
  readonly tuning?: Partial<Tuning>
  readonly assumeSpent?: boolean
  readonly egress?: string
}

export function virtual({ config = {}, ...options }: VirtualOptions = {}) {
  const { redis, prefix } = testRedis()
  const time = { ms: startMs }
  const open = (namespace: string) =>
    createStore({
      redis,
      namespace,
      rules: createRules(config),
      nowUs: () => Math.round(time.ms * 1_000),
      ...options,
    })
  const store = open(`{${prefix}}:p0`)
  let births = 0
  return {
    redis,
    store,
    time,
    /** The same Redis, a corner that knows nothing yet. */
    anew: () => open(`{${prefix}}:p${++births}`),
    asks: (changes: Partial<Question> = {}) => ask(store, question(changes)),
  }
}

export const question = (changes: Partial<Question> = {}): Question => ({
  ...pair,
  reachMs: 1e9,
  keeps: true,
  urgent: false,
  booking: undefined,
  lease: `l${Math.random()}`,
  birth: '',
  ...changes,
})

/** The most arrivals in any half-open window. */
export function mostIn(windowMs: number, arrivals: readonly number[]): number {
  const times = arrivals.toSorted((a, b) => a - b)
  let most = 0
  for (let from = 0, to = 0; to < times.length; to += 1) {
    while ((times[to] ?? 0) - (times[from] ?? 0) >= windowMs) from += 1
    most = Math.max(most, to - from + 1)
  }
  return most
}
