/** How Redis itself is: memory, persistence, and how long one small read takes. Reads only. */

import type { Clock } from '../clock.ts'
import { script } from '../script.ts'
import type { Connection } from './connection.ts'

export interface RedisState {
  readonly usedBytes: number
  /** 0 without a bound. */
  readonly maxBytes: number
  /** It is on, and its last write went well. */
  readonly aofOk: boolean
  /** The last save went well; it says nothing of whether any is configured. */
  readonly rdbOk: boolean
}

/** From inside a script, so that a cluster asks the node that has our keys. */
const info = script(`return {redis.call('INFO', 'memory'), redis.call('INFO', 'persistence')}`)

/** Rejects where an ACL hides INFO. */
export async function readRedisState(redis: Connection, namespace: string): Promise<RedisState> {
  const text = (await info(redis, [`${namespace}:probe`], [])).join('\n')
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? ''
  return {
    usedBytes: Number(field('used_memory')),
    maxBytes: Number(field('maxmemory')),
    aofOk: field('aof_enabled') === '1' && field('aof_last_write_status') === 'ok',
    rdbOk: field('rdb_last_bgsave_status') === 'ok',
  }
}

/** One small read, ms. */
export async function readLatencyMs(redis: Connection, namespace: string, clock: Clock): Promise<number> {
  const startedMs = clock.monotonicMs()
  await redis.exists(`${namespace}:probe`)
  return clock.monotonicMs() - startedMs
}
