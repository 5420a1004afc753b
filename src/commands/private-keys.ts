/** Keys in Redis that only one command needs: deleted when it ends; after a kill, by a later command. */

import { ulid } from 'ulid'
import { systemClock } from '../clock.ts'
import { connectProducer, primariesOf } from '../redis.ts'

type Redis = ReturnType<typeof connectProducer>

/** Longer than any job runs whose command is still there (DESIGN §5: a deadline of a day). */
const lifeMs = 48 * 3_600_000

/** A corner of the deployment's namespace for one command. It is listed, so that it is found if nobody is left to delete it. */
export async function takeCorner(redis: Redis, shared: string): Promise<string> {
  const list = listOf(shared)
  const nowMs = systemClock.nowMs()
  for (const dead of await redis.zrangebyscore(list, '-inf', nowMs - lifeMs)) {
    await deleteAll(redis, dead)
    await redis.zrem(list, dead)
  }
  const corner = `${shared}:here-${ulid()}`
  await redis.zadd(list, nowMs, corner)
  return corner
}

/** Deletes every key of the corner. From a Redis that is away now, a later command will. */
export const leaveCorner = (redisUrl: string, shared: string, corner: string): Promise<void> =>
  within(redisUrl, async redis => {
    await deleteAll(redis, corner)
    await redis.zrem(listOf(shared), corner)
  })

/** Deletes every key of a namespace that nobody else can have. */
export const forget = (redisUrl: string, namespace: string): Promise<void> =>
  within(redisUrl, redis => deleteAll(redis, namespace))

const listOf = (shared: string): string => `${shared}:here`

/** A connection of its own, since the last one to close; failures are not told: the end of the job is. */
async function within(redisUrl: string, work: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = connectProducer(redisUrl)
  await work(redis)
    .catch(() => undefined)
    .finally(() => redis.disconnect())
}

async function deleteAll(redis: Redis, namespace: string): Promise<void> {
  const match = `${namespace.replace(/[*?[\]\\]/g, '\\$&')}:*`
  for (const server of primariesOf(redis)) {
    for await (const keys of server.scanStream({ match, count: 5_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  }
}
