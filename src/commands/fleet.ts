/** The queues and records of the fleet, for commands that look and steer: they need its Redis and nothing else of the settings. */

import { Fault } from '../fault.ts'
import { namespaceOf } from '../namespace.ts'
import { type Admin, createAdmin } from '../queues/admin.ts'
import { type Producer, produce } from '../queues/producer.ts'
import { reachable } from '../queues/reachable.ts'
import { createRecords, type Records } from '../record/index.ts'
import { connectProducer, connectSubscriber, firstAnswer } from '../redis.ts'
import { type Closers, closingAfter } from './closers.ts'
import { CommandError, Told } from './exit.ts'
import { settingsFor } from './settings.ts'
import { onInterrupt } from './signals.ts'

export interface Fleet {
  readonly records: Records
  readonly admin: Admin
  readonly producer: Producer
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}

/** A person waits this long for Redis. */
const patienceMs = 3_000

/** Runs `work` and closes everything after it. Its own errors pass; those of the connection end with the code for no Redis. */
export const withFleet = <T>(work: (fleet: Fleet) => Promise<T>): Promise<T> =>
  closingAfter(async closers => {
    const fleet = await open(closers)
    try {
      return await work(fleet)
    } catch (error) {
      if (error instanceof CommandError || error instanceof Told) throw error
      if (fleet.signal.aborted) throw new CommandError('interrupted', 'interrupted')
      if (error instanceof Fault) throw error
      return await reachable(() => Promise.reject(error))
    }
  })

async function open(closers: Closers): Promise<Fleet> {
  const config = await settingsFor({})
  const { redisUrl, baseUrl, prefix } = config
  if (redisUrl === undefined)
    throw new CommandError('usage', 'set REDIS_URL: jobs live in the Redis of the workers', 'config')
  const interrupted = new AbortController()
  closers.defer(onInterrupt(() => interrupted.abort()))
  const redis = connectProducer(redisUrl)
  closers.defer(() => redis.disconnect())
  await firstAnswer(redis, patienceMs, interrupted.signal).catch(error => {
    throw new CommandError(interrupted.signal.aborted ? 'interrupted' : 'unreachable', error.message)
  })
  const namespace = namespaceOf(baseUrl, prefix)
  const admin = createAdmin(redis, namespace, () => undefined)
  closers.defer(() => admin.close())
  const producer = produce({ redis, namespace, subscribe: () => connectSubscriber(redisUrl) })
  closers.defer(() => producer.close())
  return { admin, producer, records: createRecords(redis, namespace), signal: interrupted.signal }
}
