/** May limits be kept in this Redis? One that evicts keys forgets penalties and quotas, and then breaks them. */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Connection, primariesOf, type Server } from '../redis/connection.ts'
import type { Rules } from './rules-in-force.ts'

export interface RedisCheck {
  /** This host's clock minus that of Redis, ms. Limits use the latter only. */
  readonly clockAheadMs: number
  /** For the operator's eyes; a line each. */
  readonly warnings: readonly string[]
}

/** Of every primary of a cluster. Faults: `config` when Redis evicts keys. What an ACL hides is a warning. Call it at the start and now and then. */
export async function checkRedis(redis: Connection, clock: Clock, rules: Rules): Promise<RedisCheck> {
  const servers = primariesOf(redis)
  const policies = await Promise.all(servers.map(server => policyOf(server)))
  const evicting = policies.find(policy => policy !== undefined && policy !== 'noeviction')
  if (evicting !== undefined) {
    const act = 'set maxmemory-policy to noeviction, in redis.conf or with CONFIG SET'
    const why = 'it would forget penalties, quotas and jobs, and the platform would block the company'
    throw new Fault(
      'config',
      `Redis evicts keys when memory is short (maxmemory-policy ${evicting}): ${why}; ${act}`,
    )
  }
  const ahead = await Promise.all(servers.map(server => clockAhead(server, clock)))
  const clockAheadMs = ahead.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0)
  const warnings = [
    policies.includes(undefined) &&
      'Redis does not tell its maxmemory-policy to this user: make sure that it is noeviction',
    Math.abs(clockAheadMs) > rules.flightMs / 2 &&
      `this host's clock is ${Math.round(clockAheadMs)} ms ahead of that of Redis: run NTP on both; waits are kept by Redis, but logs and delayed jobs are not`,
  ]
  return { clockAheadMs, warnings: warnings.filter(line => line !== false) }
}

/** Hosted Redis often has no CONFIG, and our ACL none; an ACL may hide either. */
async function policyOf(server: Server): Promise<string | undefined> {
  const info = await server.info('memory').catch(refusedToTell)
  const told = /maxmemory_policy:(\S+)/.exec(info ?? '')?.[1]
  if (told !== undefined) return told
  const asked = await server.config('GET', 'maxmemory-policy').catch(refusedToTell)
  const pairs = Array.isArray(asked) ? asked.flat() : []
  return typeof pairs[1] === 'string' ? pairs[1] : undefined
}

/** A lost connection is no answer; a refusal is. */
function refusedToTell(error: unknown): undefined {
  if (error instanceof Error && /^(NOPERM|ERR)\b/.test(error.message)) return undefined
  throw error
}

async function clockAhead(server: Server, clock: Clock): Promise<number> {
  const before = clock.nowMs()
  const [seconds, micros] = await server.time()
  const here = (before + clock.nowMs()) / 2
  return here - (Number(seconds) * 1_000 + Number(micros) / 1_000)
}
