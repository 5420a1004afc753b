/** One command's session with the queues: a producer, and with `--here` a worker in this very process. */

import { startApp } from '../app.ts'
import type { Config } from '../config.ts'
import { namespaceOf } from '../namespace.ts'
import { type Producer, produce } from '../queues/producer.ts'
import { connectProducer, connectSubscriber } from '../redis.ts'
import { type Closers, closingAfter } from './closers.ts'
import { asUsage, CommandError } from './exit.ts'
import { leaveCorner, takeCorner } from './private-keys.ts'
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
      'config',
    )
  }
  return closingAfter(async closers => {
    const signal = interrupts(closers)
    try {
      const session = await open(config, here, signal, closers)
      signal.throwIfAborted()
      return await work(session)
    } catch (error) {
      // What the job was interrupted by says more than what that led to.
      if (!signal.aborted || error instanceof CommandError) throw error
      throw new CommandError('interrupted', 'interrupted')
    }
  })
}

async function open(config: Config, here: boolean, signal: AbortSignal, closers: Closers): Promise<Session> {
  const redis = await redisFor(config, { signal })
  closers.defer(() => redis.stop())
  const shared = namespaceOf(config.baseUrl, config.prefix)
  const connection = connectProducer(redis.url)
  closers.defer(() => connection.disconnect())
  // Jobs of --here must not be taken by other workers, nor theirs by us; tokens and limits stay shared.
  const namespace = here ? await takeCorner(connection, shared) : shared
  // Registered before the worker, as it comes after it: a stopping worker still writes.
  if (here) closers.defer(() => leaveCorner(redis.url, shared, namespace))
  if (here) {
    const options = { redisUrl: redis.url, log: quietLog(config), jobsNamespace: namespace, listen: false }
    const app = await asUsage(() => startApp({ ...config, graceMs }, options))
    closers.defer(() => app.stop())
  }
  const subscribe = () => connectSubscriber(redis.url)
  const producer = produce({ redis: connection, namespace, subscribe })
  closers.defer(() => producer.close())
  return { producer, signal }
}

/** The command has cancelled its job before it stops the worker; so long may that take, ms. */
const graceMs = 2_000

function interrupts(closers: Closers): AbortSignal {
  const controller = new AbortController()
  closers.defer(onInterrupt(() => controller.abort()))
  return controller.signal
}
