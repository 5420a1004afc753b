/**
 * Calls under way, as leases in Redis: renewed while the call lives, taken away when it ends, gone by themselves when
 * its worker died. They are counted always, so that a 45033 finds out how many were too many.
 */

import type { Clock } from '../clock.ts'
import { script } from '../script.ts'
import { corpFlightsKey, flightsKey, type Pair } from './keys.ts'
import type { Store } from './store.ts'

/*
 * KEYS 1… the sets of leases   ARGV 1 now in µs or '', 2 life in µs, 3… ids; answers {}. Renews what is there, makes nothing.
 */
const renew = script(`
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local ends = string.format('%.0f', now + tonumber(ARGV[2]))
for _, key in ipairs(KEYS) do
  for i = 3, #ARGV do redis.call('ZADD', key, 'XX', ends, ARGV[i]) end
  redis.call('PEXPIRE', key, math.ceil(tonumber(ARGV[2]) / 500))
end
return {}
`)

export interface Flights {
  /** A call has begun under this lease, which `pass` has written. Resolves the end with an idempotent function. */
  begin(pair: Pair, lease: string): () => Promise<void>
}

interface Flight {
  readonly keys: readonly string[]
  readonly sinceMs: number
}

export function trackFlights(store: Store, clock: Clock): Flights {
  const { redis, namespace, rules, tuning } = store
  const flights = new Map<string, Flight>()
  let renewing: AbortController | undefined

  const renewAll = async (): Promise<void> => {
    const byKeys = Map.groupBy(flights, ([, { keys }]) => keys.join(' '))
    for (const entries of byKeys.values()) {
      const young = entries.filter(([, { sinceMs }]) => clock.monotonicMs() - sinceMs < tuning.flightMostMs)
      const [first] = young
      if (!first) continue
      const ids = young.map(([lease]) => lease)
      await renew(redis, first[1].keys, [store.nowUs?.() ?? '', tuning.leaseMs * 1_000, ...ids])
    }
  }
  const keepRenewing = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(tuning.leaseMs / 3, signal).catch(() => undefined)
      // Without Redis nobody is granted anything either: the next round is soon enough.
      if (!signal.aborted) await renewAll().catch(() => undefined)
    }
  }

  return {
    begin(pair, lease) {
      const whole = rules.of(pair.corp, pair.method).corpConcurrency !== undefined
      const keys = [flightsKey(namespace, pair), ...(whole ? [corpFlightsKey(namespace, pair.corp)] : [])]
      flights.set(lease, { keys, sinceMs: clock.monotonicMs() })
      if (!renewing) {
        renewing = new AbortController()
        void keepRenewing(renewing.signal)
      }
      return async () => {
        if (!flights.delete(lease)) return
        if (flights.size === 0) {
          renewing?.abort()
          renewing = undefined
        }
        await Promise.all(keys.map(key => redis.zrem(key, lease)))
      }
    },
  }
}
