/**
 * The ledger: bytes that were uploaded are not uploaded again. Entries are written by `accept` only, in the record's own
 * script; here they are looked up, and one job at a time is chosen to bring a missing one.
 */

import { type Follower, followersIn, freeLua, type LedgerWrite } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import type { Entry, Subject } from './entry.ts'
import { issuedKey, keptDueKey, keptKey, keptNamesKey, keysOf } from './keys.ts'

/** A job that wants the bytes uploaded, as keys of Redis: whether it is still at work can be told from them alone. */
export interface Claimant {
  readonly recordKey: string
  readonly lockKey: string
  /** For whoever wakes it. */
  readonly queue: string
  readonly jobId: string
  /** Takes the place of one that merely waits for its turn. */
  readonly urgent: boolean
}

export type Taken =
  | { readonly as: 'hit'; readonly entry: Entry }
  /** This job is to upload them. */
  | { readonly as: 'lead' }
  /** Another one is at it; its `accept` wakes this one. */
  | { readonly as: 'follow' }

export interface Ledger {
  /** An entry with at least `minLifeMs` of life left; else the right to bring one, or who waits for whom. */
  take(subject: Subject, claimant: Claimant, minLifeMs: number): Promise<Taken>
  /** The entry, whatever is left of its life. */
  read(subject: Subject): Promise<Entry | undefined>
  /** The platform no longer knows this media_id (40007); true when something was known of it. Names that have it are renewed at once. */
  forget(corp: string, mediaId: string): Promise<boolean>
  /** Gives the right to bring an entry back, if it is still this job's; answers the jobs that waited for it. */
  release(subject: Subject, claimant: Claimant): Promise<readonly Follower[]>
  /** What `accept` writes beside a result. */
  write(subject: Subject, entry: Entry): LedgerWrite
}

/** Longer than any job may take. */
const leaderMs = 31 * 24 * 3_600_000

/*
 * KEYS 1 entry, 2 leader, 3 followers
 * ARGV 1 key of my record, 2 key of my lock, 3 me as a follower, 4 life that must be left in ms, 5 how long a leader is kept in ms,
 *      6 "1" to take the place of a leader that merely waits
 * Answers {'hit', entry} | {'lead'} | {'follow'}.
 * A leader that runs must hold BullMQ's lock; one that waits or is queued comes back by itself, unless its process took
 * its whole corner of Redis with it: a minute after its time, or ten minutes after it last took the lead, it is given up.
 */
const take = script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local json = redis.call('GET', KEYS[1])
if json then
  local expires = cjson.decode(json).expiresAtMs
  if not expires or expires - now >= tonumber(ARGV[4]) then return {'hit', json} end
end
local leader = redis.call('HMGET', KEYS[2], 'record', 'lock', 'sinceMs')
-- Who leads other bytes, of this job's past or of another image, must not keep them while it follows.
local led = redis.call('HGET', ARGV[1], 'leads')
if led and led ~= KEYS[2] and redis.call('HGET', led, 'record') == ARGV[1] then redis.call('DEL', led) end
if leader[1] and leader[1] ~= ARGV[1] then
  local state = redis.call('HGET', leader[1], 'state')
  local untilMs = tonumber(redis.call('HGET', leader[1], 'waitUntilMs') or '0')
  local waits = (state == 'waiting' and now < untilMs + 60000) or (state == 'queued' and now < tonumber(leader[3]) + 600000)
  if (waits and ARGV[6] == '') or (state == 'running' and redis.call('EXISTS', leader[2]) == 1) then
    redis.call('SADD', KEYS[3], ARGV[3])
    redis.call('PEXPIRE', KEYS[3], ARGV[5])
    return {'follow'}
  end
end
redis.call('HSET', KEYS[2], 'record', ARGV[1], 'lock', ARGV[2], 'sinceMs', now)
if redis.call('EXISTS', ARGV[1]) == 1 then redis.call('HSET', ARGV[1], 'leads', KEYS[2]) end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return {'lead'}
`)

/*
 * KEYS 1 leader, 2 followers
 * ARGV 1 key of my record
 * Answers the followers; none when the right is another's.
 */
const release = script(`${freeLua}
if redis.call('HGET', KEYS[1], 'record') ~= ARGV[1] then return {} end
return free(KEYS[1], KEYS[2])
`)

/*
 * KEYS 1 issued, 2 names that are kept alive with it, 3 when to look at names
 * ARGV 1 the media_id, 2 what stands before the id of a name in its key
 * Answers {1} when an entry or a name was forgotten, {0} otherwise. What names another media_id by now stays. Keys of
 * names are made here; the hash tag puts them into the same slot.
 */
const forget = script(`
local found = 0
local entry = redis.call('GET', KEYS[1])
local json = entry and redis.call('GET', entry)
if json and cjson.decode(json).value == ARGV[1] then
  redis.call('DEL', entry)
  found = 1
end
redis.call('DEL', KEYS[1])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local name = ARGV[2] .. id
  if redis.call('HGET', name, 'mediaId') == ARGV[1] and redis.call('HSETNX', name, 'forgottenAtMs', now) == 1 then
    redis.call('ZADD', KEYS[3], 'XX', now, id)
    found = 1
  end
end
return {found}
`)

export const createLedger = (redis: Connection, namespace: string): Ledger => ({
  async take(subject, { recordKey, lockKey, queue, jobId, urgent }, minLifeMs) {
    const { entry, leader, followers } = keysOf(namespace, subject)
    const args = [
      recordKey,
      lockKey,
      JSON.stringify([queue, jobId, recordKey]),
      minLifeMs,
      leaderMs,
      urgent ? '1' : '',
    ]
    const [as, json] = await take(redis, [entry, leader, followers], args)
    if (as === 'hit') return { as, entry: JSON.parse(String(json)) as Entry }
    return { as: as as 'lead' | 'follow' }
  },
  async release(subject, { recordKey }) {
    const { leader, followers } = keysOf(namespace, subject)
    return followersIn(await release(redis, [leader, followers], [recordKey]))
  },
  async read(subject) {
    const json = await redis.get(keysOf(namespace, subject).entry)
    return json === null ? undefined : (JSON.parse(json) as Entry)
  },
  async forget(corp, mediaId) {
    const names = [keptNamesKey(namespace, corp, mediaId), keptDueKey(namespace)]
    const args = [mediaId, keptKey(namespace, '')]
    const [found] = await forget(redis, [issuedKey(namespace, corp, mediaId), ...names], args)
    return found === 1
  },
  write(subject, entry) {
    const { entry: entryKey, leader: leaderKey, followers: followersKey } = keysOf(namespace, subject)
    const { value, expiresAtMs } = entry
    return {
      ...{ entryKey, leaderKey, followersKey, json: JSON.stringify(entry) },
      ...(subject.as !== 'image' && { issuedKey: issuedKey(namespace, subject.corp, value) }),
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    }
  },
})
