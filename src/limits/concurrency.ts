/**
 * Calls under way, as leases in Redis: renewed while the call lives, taken away when it ends, gone by themselves when
 * its worker died. They are counted always, so that a 45033 finds out how many were too many.
 */

import { atEndOfTurn, type Clock } from '../clock.ts'
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
  /** Sends what has ended now and not with the turn: whoever asks for a place behind it must find it free. */
  flush(): void
  /** When all that has ended is written. */
  settled(): Promise<void>
}

interface Flight {
  readonly keys: readonly string[]
  readonly sinceMs: number
}

export function trackFlights(store: Store, clock: Clock): Flights {
  const { redis, namespace, rules, tuning } = store
  const flights = new Map<string, Flight>()
  const ends = endTogether(redis)
  let stop: (() => void) | undefined
  let isRenewing = false

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
  const renewOnce = async (): Promise<void> => {
    if (isRenewing) return
    isRenewing = true
    // Without Redis nobody is granted anything either: the next round is soon enough.
    await renewAll().catch(() => undefined)
    isRenewing = false
  }
  // A timer, and no sleep that is cut short: with few calls at a time there is a first and a last one a thousand times a second.
  const keepRenewing = (): void => {
    stop = clock.after(tuning.leaseMs / 3, () => {
      keepRenewing()
      void renewOnce()
    })
  }

  return {
    begin(pair, lease) {
      const whole = rules.of(pair.corp, pair.method).corpConcurrency !== undefined
      const own = flightsKey(namespace, pair)
      const keys = whole ? [own, corpFlightsKey(namespace, pair.corp)] : [own]
      flights.set(lease, { keys, sinceMs: clock.monotonicMs() })
      if (!stop) keepRenewing()
      return async () => {
        if (!flights.delete(lease)) return
        if (flights.size === 0) {
          stop?.()
          stop = undefined
        }
        await ends.add(keys, lease)
      }
    },
    flush: ends.flush,
    settled: ends.settled,
  }
}

interface Ends extends Pick<Flights, 'flush' | 'settled'> {
  /** Resolves when it is written. */
  add(keys: readonly string[], lease: string): Promise<void>
}

/** What ends in one turn of the event loop is taken away together: one command for each set, not one for each call. */
function endTogether(redis: Store['redis']): Ends {
  let waiting = new Map<string, string[]>()
  let written = Promise.withResolvers<unknown>()
  let last: Promise<unknown> = Promise.resolve()
  const flush = (): void => {
    if (waiting.size === 0) return
    const commands = [...waiting].map(([key, leases]) => redis.zrem(key, ...leases))
    written.resolve(Promise.all(commands))
    last = written.promise
    waiting = new Map()
    written = Promise.withResolvers()
  }
  return {
    flush,
    async settled() {
      flush()
      // One link, in order: the last one is written after all before it.
      await last.catch(() => undefined)
    },
    async add(keys, lease) {
      if (waiting.size === 0) atEndOfTurn(flush)
      for (const key of keys) {
        const leases = waiting.get(key)
        if (leases) leases.push(lease)
        else waiting.set(key, [lease])
      }
      await written.promise
    },
  }
}
