/**
 * owed: who asked to be told of a job's end must hear of it. The script that writes the end notes the debt, so that no
 * death in between loses it; it goes when a job that tells has been queued, or when the end is the record's no more.
 */

import type { Connection } from '../redis/connection.ts'
import { script } from '../script.ts'
import { owedKey, recordKey } from './keys.ts'
import { type Due, due } from './read.ts'

/** So long the one that wrote the end has it to itself, ms; then any worker looks after it. */
const graceMs = 5_000

/**
 * Defines `owe(record, owed, id, now)`: notes the debt and answers '1', or '' where nobody asked. To be called before the
 * end itself is written: a debt without an end is dropped, an end without its debt would never be told.
 */
export const oweLua = `
local function owe(record, owed, id, now)
  if redis.call('HEXISTS', record, 'webhook') == 0 then return '' end
  redis.call('ZADD', owed, now + ${graceMs}, id)
  return '1'
end
`

/*
 * KEYS 1 record, 2 owed
 * ARGV 1 id, 2 the end that was told of, or '' for a record without one
 * Answers {'1'} when nothing is owed for that end any more.
 */
const settleDebt = script(`
local found = redis.call('HMGET', KEYS[1], 'state', 'fence')
local ended = found[1] == 'done' or found[1] == 'failed' or found[1] == 'cancelled'
if ended and (found[2] or '0') ~= ARGV[2] then return {''} end
redis.call('ZREM', KEYS[2], ARGV[1])
return {'1'}
`)

/** Nothing is owed any more for this end of the job; a later one is another debt. */
export async function told(redis: Connection, namespace: string, id: string, end?: number): Promise<void> {
  await settleDebt(redis, [recordKey(namespace, id), owedKey(namespace)], [id, end ?? ''])
}

/** Ids of ended records whose end nobody has queued a job for, oldest first; each is due again after `againMs`. */
export const dueToTell = (
  redis: Connection,
  namespace: string,
  limit: number,
  againMs: number,
): Promise<Due> => due(redis, owedKey(namespace), limit, againMs)
