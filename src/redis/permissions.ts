/**
 * May our user do what a worker does? Asked at the start, by doing each kind of thing once: an ACL that lacks one would
 * otherwise show only when a job needs it. Our whole ACL line stands in docs/scaling.md and is tested there.
 */

import { Fault } from '../fault.ts'
import { codeOf } from '../refusal.ts'
import { type Connection, primariesOf, type Server } from './connection.ts'

interface Place {
  readonly redis: Connection
  readonly subscriber: Connection
  /** Expires by itself. */
  readonly key: string
  readonly channel: string
}

type Try = (place: Place) => Promise<unknown>

/** TABLE: what an ACL must allow -> the smallest thing that needs it. */
const needs: Readonly<Record<string, Try>> = {
  '+@write': ({ redis, key }) => redis.set(key, '1', 'PX', 1_000),
  '+@read': ({ redis, key }) => redis.get(key),
  '+@scripting': ({ redis, key }) => redis.eval('return 1', 1, key),
  '+@transaction': ({ redis, key }) => redis.multi().get(key).exec(),
  '+@blocking': ({ redis, key }) => redis.bzpopmin(`${key}:none`, 0.001),
  '+@pubsub': async ({ redis, subscriber, channel }) => {
    await subscriber.subscribe(channel)
    await subscriber.unsubscribe(channel)
    await redis.publish(channel, '')
  },
  '+time': ({ redis }) => asServer(redis).time(),
  '+info': ({ redis }) => asServer(redis).info('server'),
}

const asServer = (redis: Connection): Server => primariesOf(redis)[0] as Server

/** Faults: `config` with all that is missing. Any other refusal (memory, a replica) is left to those who wait for its end. */
export async function demandPermissions(
  { redis, subscriber }: Pick<Place, 'redis' | 'subscriber'>,
  namespace: string,
): Promise<void> {
  const place = { redis, subscriber, key: `${namespace}:may`, channel: `${namespace}:may` }
  const missing: { readonly right: string; readonly error: Error }[] = []
  for (const [right, attempt] of Object.entries(needs)) {
    const error = await attempt(place).then(
      () => undefined,
      (cause: Error) => cause,
    )
    if (error && isDenied(error)) missing.push({ right, error })
  }
  const [first] = missing
  if (!first) return
  const tag = namespace.slice(0, namespace.indexOf('}') + 1)
  const rights = missing.map(({ right }) => right).join(' ')
  throw new Fault(
    'config',
    `Redis does not let this user work (${first.error.message}): give it ${rights} on ~${tag}:* and &${tag}:*; docs/scaling.md has the whole line`,
    { cause: first.error },
  )
}

/** A transaction keeps the reason aside. */
const isDenied = (error: Error): boolean =>
  codeOf(error) === 'NOPERM' ||
  ('previousErrors' in error &&
    Array.isArray(error.previousErrors) &&
    error.previousErrors.some(cause => cause instanceof Error && isDenied(cause)))
