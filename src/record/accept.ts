/** accept: a valid result is here. The first one wins, whoever brings it; what a job shows never changes afterwards. */

import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { type KeptWrite, keptArgs, keptKeys, keptLua } from './kept-lua.ts'
import { endedChannel, openKey, owedKey, recordKey } from './keys.ts'
import {
  type Follower,
  followersIn,
  type LedgerWrite,
  ledgerArgs,
  ledgerKeys,
  ledgerLua,
} from './ledger-lua.ts'
import { oweLua } from './owed.ts'
import { retentionMs } from './settle.ts'

export type Accepted =
  | {
      readonly as: 'accepted'
      /** Jobs that waited for the same bytes. */
      readonly followers: readonly Follower[]
      /** Somebody is to be told of this end. */
      readonly owed?: true
    }
  /** The job had ended before; `json` is what it shows (a result when `state` is done, else a fault). */
  | { readonly as: 'duplicate'; readonly state: string; readonly json: string }

/*
 * KEYS 1 record, 2 open set, 3 to 6 of the ledger, 7 owed, 8 to 10 of the name that is kept alive
 * ARGV 1 result as JSON, 2 retention in ms, 3 id, 4 channel of ends, 5 and 6 of the ledger, 7 to 12 of the name
 * Answers {'accepted', followers, '1' if somebody is to be told} | {'duplicate', state, result or fault}.
 * Not guarded by the fence: a result of a zombie is as good as any, if it is the first. The same result again
 * (a lost answer, sent twice) is 'accepted' again and no duplicate. A result that comes after its job was cancelled or
 * given up is not shown, but it is there, and may have cost a unit of a quota: the ledger has it.
 */
const run = script(`${ledgerLua}${oweLua}${keptLua}
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'done' or state == 'failed' or state == 'cancelled' then
  local shown = redis.call('HGET', KEYS[1], state == 'done' and 'result' or 'fault')
  if state == 'done' and shown == ARGV[1] then return {'accepted', {}, ''} end
  local n = redis.call('HINCRBY', KEYS[1], 'duplicates', 1)
  redis.call('HSET', KEYS[1], 'duplicate:' .. n, ARGV[1])
  if state ~= 'done' then writeLedger(3, 5) end
  return {'duplicate', state, shown}
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local owed = owe(KEYS[1], KEYS[7], ARGV[3], now)
redis.call('HSET', KEYS[1], 'state', 'done', 'result', ARGV[1], 'endedAtMs', now)
redis.call('HDEL', KEYS[1], 'sent', 'waitUntilMs', 'waitWhy')
local followers = writeLedger(3, 5)
writeKept(8, 7)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[3] .. ' done')
return {'accepted', followers, owed}
`)

export async function accept(
  redis: Connection,
  namespace: string,
  id: string,
  result: unknown,
  write?: LedgerWrite,
  kept?: KeptWrite,
): Promise<Accepted> {
  const record = recordKey(namespace, id)
  const named = [...ledgerKeys(write, record), owedKey(namespace), ...keptKeys(kept, record)]
  const keys = [record, openKey(namespace), ...named]
  const args = [JSON.stringify(result), retentionMs, id, endedChannel(namespace), ...ledgerArgs(write)]
  const [as, second, third] = await run(redis, keys, [...args, ...keptArgs(kept)])
  if (as !== 'accepted') return { as: 'duplicate', state: String(second), json: String(third) }
  return { as, followers: followersIn(second), ...(third !== '' && { owed: true }) }
}
