/**
 * A connection whose streams may fail twice. ioredis hears the first error of a stream only: a second one (the alert of a
 * TLS peer behind a write that failed) would be nobody's, and end the process.
 */

import { Redis, type RedisOptions } from 'ioredis'
import type { Connection } from './connection.ts'

export class HeardRedis extends Redis {
  /** BullMQ's blocking connection is one of these. */
  override duplicate<Override extends Partial<RedisOptions> | undefined = undefined>(override?: Override) {
    const twin = super.duplicate(override)
    hearStreams(twin)
    return twin
  }
}

/** From now on, and of each node of a cluster. */
export function hearEveryError(redis: Connection): void {
  if ('nodes' in redis) redis.on('+node', hearStreams)
  else hearStreams(redis)
}

const hearStreams = (redis: Pick<Redis, 'on' | 'stream'>): unknown =>
  redis.on('connect', () => redis.stream.on('error', () => undefined))
