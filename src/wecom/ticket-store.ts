/**
 * Where the tickets of suites wait: the callback puts them, a suite's refresh takes the newest. Two stores, one suite
 * of tests for both. Deliveries come late and twice, so the time of issue decides and not the order of arrival.
 */

import { createHash } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import { script } from '../script.ts'
import { expiring } from './expiring.ts'
import { safely } from './store-fault.ts'
import type { RedisTokenStoreOptions } from './token-store.ts'

export interface TicketStore {
  /** The newest ticket that is not too old; undefined when there is none. */
  newest(suiteId: string): Promise<string | undefined>
  /** Keeps the ticket unless one as new is there; `issuedAtMs` by the platform's clock, milliseconds since 1970. */
  put(suiteId: string, ticket: string, issuedAtMs: number): Promise<void>
}

/** A ticket is valid for 30 minutes, and comes every 10 (document/path/90628, facts §7.2). Milliseconds. */
const ticketLifeMs = 30 * 60_000

/** KEYS: ticket. ARGV: the ticket, when it was issued, its life in ms. Of two with one time the first stays: a replay prolongs nothing. */
const putScript = script(`
local kept = redis.call('HGET', KEYS[1], 'issuedAtMs')
if kept and tonumber(kept) >= tonumber(ARGV[2]) then return {} end
redis.call('HSET', KEYS[1], 'ticket', ARGV[1], 'issuedAtMs', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}
`)

/** The store of a fleet. Throws `transient` when Redis fails. */
export function redisTicketStore({ redis, prefix }: RedisTokenStoreOptions): TicketStore {
  const keyOf = (suiteId: string) =>
    `${prefix}:ticket:${createHash('sha256').update(suiteId).digest('hex').slice(0, 32)}`
  return {
    async newest(suiteId) {
      return (await safely(redis.hget(keyOf(suiteId), 'ticket'))) ?? undefined
    },
    async put(suiteId, ticket, issuedAtMs) {
      await safely(putScript(redis, [keyOf(suiteId)], [ticket, issuedAtMs, ticketLifeMs]))
    },
  }
}

/** The store of one process. */
export function memoryTicketStore(clock: Clock = systemClock): TicketStore {
  const tickets = expiring<{ ticket: string; issuedAtMs: number }>(clock)
  return {
    async newest(suiteId) {
      return tickets.get(suiteId)?.value.ticket
    },
    async put(suiteId, ticket, issuedAtMs) {
      const kept = tickets.get(suiteId)?.value
      if (kept && kept.issuedAtMs >= issuedAtMs) return
      tickets.set(suiteId, { ticket, issuedAtMs }, ticketLifeMs)
    },
  }
}
