/** Errors of connections on their way to people: an outage raises dozens a second, of which the first of each kind and a count are worth a line. */

import { systemClock } from '../clock.ts'
import { codeOf } from '../refusal.ts'
import type { Connection } from './connection.ts'

const everyMs = 30_000

/** Each kind at once, then at most every 30 s; `more` counts what was left out. */
export const sparsely = (tell: (error: Error, more: number) => void): ((error: Error) => void) => {
  const told = new Map<string, { atMs: number; more: number }>()
  return error => {
    const nowMs = systemClock.monotonicMs()
    const kind = codeOf(error)
    const last = told.get(kind)
    if (last && nowMs - last.atMs < everyMs) {
      last.more += 1
      return
    }
    told.set(kind, { atMs: nowMs, more: 0 })
    tell(error, last?.more ?? 0)
  }
}

/** A cluster tells of its nodes by an event of their own, and of all of them together with the last one's reason aside. */
export function listenForTrouble(redis: Connection, listen: (error: Error) => void): () => void {
  const heard = (error: Error): void => listen(reasonOf(error))
  redis.on('error', heard)
  if ('nodes' in redis) redis.on('node error', heard)
  return () => {
    redis.off('error', heard)
    if ('nodes' in redis) redis.off('node error', heard)
  }
}

const reasonOf = (error: Error): Error =>
  'lastNodeError' in error && error.lastNodeError instanceof Error ? error.lastNodeError : error
