/** A Lua script as a typed function: declared once, sent as EVALSHA, loaded again by ioredis when Redis forgot it. */

import { createHash } from 'node:crypto'
import type { Connection } from './redis/connection.ts'

export type Reply = string | number | null | readonly Reply[]

export type Script = (
  redis: Connection,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<readonly Reply[]>

/**
 * Every script of ours may run twice: ioredis sends a command again when its answer was lost. Each is therefore
 * written so that the second run finds the work done, and targets are written before sources are deleted
 * (a torn append-only file may keep only the first part; notes/reliability.md §4.2).
 */
export function script(lua: string): Script {
  const sha = createHash('sha1').update(lua).digest('hex')
  return async (redis, keys, args) => {
    try {
      return (await redis.evalsha(sha, keys.length, ...keys, ...args)) as readonly Reply[]
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return (await redis.eval(lua, keys.length, ...keys, ...args)) as readonly Reply[]
    }
  }
}
