/**
 * Where tokens live, so that a whole fleet uses one. Two stores, one suite for both. No secret is stored: keys are
 * hashes, and a refusal is kept apart for each secret, so that a corrected one works at once.
 */

import type { FaultReport } from '../fault.ts'
import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { safely } from './store-fault.ts'

/** Names an app at one platform (`app`), and the secret in use there (`secret`); both are hashes. */
export interface TokenKey {
  readonly app: string
  readonly secret: string
}

export interface StoredToken {
  readonly value: string
  /** Life when it was issued, and what is left of it, in milliseconds. */
  readonly lifeMs: number
  readonly leftMs: number
}

/** The platform's no to this secret, remembered so that nobody asks again too soon. */
export interface Refusal {
  readonly report: FaultReport
  readonly leftMs: number
}

export interface Stored {
  readonly token?: StoredToken
  readonly refusal?: Refusal
  /** The platform refuses the app's calls, whatever the token: its address is not trusted. */
  readonly shut?: Refusal
  /** It did, and it is this caller's turn to try whether it still does. */
  readonly isProbe?: true
}

export interface TokenStore {
  /** With `mayProbe`, one caller a minute is let through a shut door. */
  look(key: TokenKey, mayProbe?: boolean): Promise<Stored>
  /** Shuts the app's door for the whole fleet; remembered for ten probes. */
  shut(key: TokenKey, report: FaultReport): Promise<void>
  reopen(key: TokenKey): Promise<void>
  /** Takes the right to refresh for `ttlMs`; false when another has it. */
  lock(key: TokenKey, owner: string, ttlMs: number): Promise<boolean>
  /** Gives the right back, if it is still the owner's. */
  release(key: TokenKey, owner: string): Promise<void>
  /** Stores a token and gives the right back; false, and nothing stored, when it is no longer the owner's. */
  accept(key: TokenKey, owner: string, value: string, lifeMs: number): Promise<boolean>
  /** Remembers a refusal for `forMs` and gives the right back; nothing when it is no longer the owner's. */
  refuse(key: TokenKey, owner: string, report: FaultReport, forMs: number): Promise<void>
  /** Forgets the token, if it is still this one. */
  forget(key: TokenKey, value: string): Promise<void>
}

export interface RedisTokenStoreOptions {
  /** A connection that fails rather than waits for ever (`maxRetriesPerRequest`). It is not closed by the store. */
  readonly redis: Connection
  /** In front of every key; with a hash tag such as `{wecom-media}:p1a2b3c4d` all keys lie in one cluster slot. */
  readonly prefix: string
}

/** Between two probes of a shut door, milliseconds: a change of trusted addresses takes about a minute (facts §10). */
export const probeEveryMs = 60_000

/** How long a shut door is remembered without a probe, milliseconds. */
export const shutForMs = 10 * probeEveryMs

/**
 * KEYS: token, refusal, door. ARGV: '1' if the caller may probe, ms between probes, ms to remember.
 * Answers token, its ms, refusal, its ms, report of the door or nil, ms to the next probe, '1' for the one who probes.
 */
const lookScript = script(`
local answer = { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('PTTL', KEYS[2]) }
local door = redis.call('HMGET', KEYS[3], 'report', 'nextMs')
if not door[1] then return answer end
local t = redis.call('TIME')
local left = door[2] - (t[1] * 1000 + math.floor(t[2] / 1000))
if left > 0 or ARGV[1] == '' then
  answer[5], answer[6], answer[7] = door[1], math.max(0, left), ''
else
  redis.call('HSET', KEYS[3], 'nextMs', door[2] - left + ARGV[2])
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  answer[5], answer[6], answer[7] = door[1], 0, '1'
end
return answer
`)

/** KEYS: door. ARGV: report, ms to the next probe, ms to remember. */
const shutScript = script(`
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'report', ARGV[1], 'nextMs', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}
`)

/** KEYS: lock, target. ARGV: owner, value, life in ms. Only the owner of the lock writes, and then lets go of it. */
const settleScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0} end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
redis.call('DEL', KEYS[1])
return {1}
`)

/** KEYS: token. ARGV: the rejected token. */
const forgetScript = script(`
local stored = redis.call('GET', KEYS[1])
if stored and cjson.decode(stored).value == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {}
`)

/** The store for a fleet. Throws `transient` when Redis fails: nothing was sent to the platform then. */
export function redisTokenStore({ redis, prefix }: RedisTokenStoreOptions): TokenStore {
  const keys = ({ app, secret }: TokenKey) => {
    const base = `${prefix}:token:${app}`
    return { token: base, lock: `${base}:lock`, refusal: `${base}:refused:${secret}`, door: `${base}:door` }
  }
  const settle = async (lock: string, target: string, owner: string, value = '', ms = 0) =>
    (await safely(settleScript(redis, [lock, target], [owner, value, Math.ceil(ms)])))[0] === 1
  return {
    async look(key, mayProbe = false) {
      const { token, refusal, door } = keys(key)
      const args = [mayProbe ? '1' : '', probeEveryMs, shutForMs]
      return fromRedis(await safely(lookScript(redis, [token, refusal, door], args)))
    },
    async shut(key, report) {
      const args = [JSON.stringify(report), probeEveryMs, shutForMs]
      await safely(shutScript(redis, [keys(key).door], args))
    },
    async reopen(key) {
      await safely(redis.del(keys(key).door))
    },
    async lock(key, owner, ttlMs) {
      return (await safely(redis.set(keys(key).lock, owner, 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK'
    },
    async release(key, owner) {
      const { lock, token } = keys(key)
      await settle(lock, token, owner)
    },
    async accept(key, owner, value, lifeMs) {
      const { lock, token } = keys(key)
      return settle(lock, token, owner, JSON.stringify({ value, lifeMs }), lifeMs)
    },
    async refuse(key, owner, report, forMs) {
      const { lock, refusal } = keys(key)
      await settle(lock, refusal, owner, JSON.stringify(report), forMs)
    },
    async forget(key, value) {
      await safely(forgetScript(redis, [keys(key).token], [value]))
    },
  }
}

type Looked = [string | null, number, string | null, number, string?, number?, string?]

function fromRedis(reply: unknown): Stored {
  const [token, tokenMs, report, reportMs, shut, shutMs, probe] = reply as Looked
  return {
    ...(token !== null && { token: { ...JSON.parse(token), leftMs: tokenMs } }),
    ...(report !== null && { refusal: { report: JSON.parse(report), leftMs: reportMs } }),
    ...(shut && probe !== '1' && { shut: { report: JSON.parse(shut), leftMs: shutMs ?? 0 } }),
    ...(probe === '1' && { isProbe: true as const }),
  }
}
