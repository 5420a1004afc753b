/** One command's session with the queues: a producer, and with `--here` a worker in this very process. */

import { ulid } from 'ulid'
import { startApp } from '../app.ts'
import type { Config } from '../config.ts'
import { namespaceOf } from '../namespace.ts'
import { type Producer, produce } from '../queues/producer.ts'
import { connectProducer, connectSubscriber } from '../redis.ts'
import { CommandError } from './exit.ts'
import { quietLog, redisFor } from './settings.ts'
import { onInterrupt } from './signals.ts'

export interface Session {
  readonly producer: Producer
  /** Aborts at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal
}

/** Runs `work` and closes everything after it, whatever happens. */
export async function withSession<T>(
  config: Config,
  here: boolean,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (!here && config.redisUrl === undefined) {
    throw new CommandError(
      'usage',
      'set REDIS_URL to the Redis of the workers, or run the job in this process with --here',
    )
  }
  await using closers = new AsyncDisposableStack()
  const signal = interrupts(closers)
  const redis = await redisFor(config)
  closers.defer(() => redis.stop())
  const shared = namespaceOf(config.baseUrl, config.prefix)
  // Jobs of --here must not be taken by other workers, nor theirs by us; tokens and limits stay shared.
  const namespace = here ? `${shared}:here-${ulid()}` : shared
  const connection = connectProducer(redis.url)
  closers.defer(() => connection.disconnect())
  if (here) {
    closers.defer(() => forget(connection, namespace))
    const app = await startApp(config, {
      redisUrl: redis.url,
      log: quietLog(config),
      jobsNamespace: namespace,
      listen: false,
    })
    closers.defer(() => app.stop())
  }
  const subscribe = async () => connectSubscriber(redis.url)
  const producer = produce({ redis: connection, namespace, subscribe })
  closers.defer(() => producer.close())
  return await work({ producer, signal })
}

function interrupts(closers: AsyncDisposableStack): AbortSignal {
  const controller = new AbortController()
  closers.defer(onInterrupt(() => controller.abort()))
  return controller.signal
}

/** A private namespace leaves nothing behind. */
async function forget(redis: ReturnType<typeof connectProducer>, namespace: string): Promise<void> {
  const glob = `${namespace.replace(/[*?[\]\\]/g, '\\$&')}:*`
  for await (const keys of redis.scanStream({ match: glob, count: 500 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(...keys)
  }
}
