/** The producer and its types: what `import … from 'wecom-media'` gives. */

import type { Redis } from 'ioredis'
import { namespaceOf } from './namespace.ts'
import { type Producer, produce } from './queues/producer.ts'
import { connectProducer, connectSubscriber } from './redis.ts'
import { defaultBaseUrl } from './wecom/platform.ts'

export { Fault, type FaultReport, type Kind, kinds } from './fault.ts'
export type { Input, JobName, Payload, Result } from './queues/jobs.ts'
export type { EnqueueOptions, Job, Producer, ResultOptions } from './queues/producer.ts'
export type { JobRecord, State } from './record/index.ts'

export interface ProducerOptions {
  /**
   * A redis:// or rediss:// URL, or a connection of yours, which stays open. A connection should fail fast
   * (`maxRetriesPerRequest: 1`, a `commandTimeout`): with ioredis' defaults an enqueue hangs while Redis is away.
   */
  readonly redis: string | Redis
  /** The platform that the workers serve; queues of different platforms never meet. Default: the public one. */
  readonly baseUrl?: string | undefined
  /** The hash tag before every key, as WECOM_MEDIA_PREFIX of the workers. Default `wecom-media`. */
  readonly prefix?: string | undefined
  /** Hears of trouble on connections that were opened here. */
  readonly onError?: ((error: Error) => void) | undefined
}

/** A producer over Redis; nothing is sent before its first call. Faults: `config` for a bad URL. */
export function createProducer({
  redis,
  baseUrl = defaultBaseUrl,
  prefix,
  onError,
}: ProducerOptions): Producer {
  const options = { name: 'wecom-media-producer', ...(onError && { onError }) }
  const isOurs = typeof redis === 'string'
  const connection = isOurs ? connectProducer(redis, options) : redis
  const producer = produce({
    redis: connection,
    namespace: namespaceOf(baseUrl, prefix),
    subscribe: async () =>
      isOurs ? connectSubscriber(redis, options) : redis.duplicate({ maxRetriesPerRequest: null }),
    ...(onError && { onError }),
  })
  return {
    ...producer,
    async close() {
      await producer.close()
      if (isOurs) connection.disconnect()
    },
  }
}
