/** The producer, the limits and their types: what `import … from 'wecom-media'` gives. */

import { openLimits } from './app/limiting.ts'
import { endsWithin, systemClock } from './clock.ts'
import type { LimitGate, LimitsConfig, Quota } from './limits/index.ts'
import { namespaceOf } from './namespace.ts'
import { type Producer, produce } from './queues/producer.ts'
import type { Connection } from './redis/connection.ts'
import { connectProducer, connectSubscriber } from './redis.ts'
import { defaultBaseUrl } from './wecom/platform.ts'

export { Fault, type FaultReport, type Kind, kinds } from './fault.ts'
export { type Md5Facts, md5File } from './files/fingerprint.ts'
export type { LimitGate, LimitsConfig, Quota } from './limits/index.ts'
export type { Input, JobName, Payload, Result } from './queues/jobs.ts'
export type { EnqueueOptions, Job, KeptMedia, NameOf, Producer, ResultOptions } from './queues/producer.ts'
export type { JobRecord, State } from './record/index.ts'

export interface ProducerOptions {
  /**
   * The URL of REDIS_URL (one Redis, a cluster, sentinels), or a Redis or Cluster of ioredis of yours, which stays open. A connection should fail fast
   * (`maxRetriesPerRequest: 1`, a `commandTimeout`): with ioredis' defaults an enqueue hangs while Redis is away.
   */
  readonly redis: string | Connection
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
    subscribe: () => (isOurs ? connectSubscriber(redis, options) : patientTwin(redis)),
    ...(onError && { onError }),
  })
  return {
    ...producer,
    async close() {
      try {
        await producer.close()
      } finally {
        if (isOurs) connection.disconnect()
      }
    },
  }
}

/** The same connection once more, for what waits as long as Redis is away. */
const patientTwin = (redis: Connection): Connection =>
  'nodes' in redis
    ? redis.duplicate([], { redisOptions: { maxRetriesPerRequest: null } })
    : redis.duplicate({ maxRetriesPerRequest: null })

export interface LimitsOptions extends Pick<ProducerOptions, 'redis' | 'baseUrl' | 'prefix' | 'onError'> {
  /** Changes to the rules: the same as WECOM_MEDIA_LIMITS of the workers, or the two will not agree. Default: none. */
  readonly limits?: LimitsConfig | undefined
  /** Name of the address that the platform sees, as WECOM_MEDIA_EGRESS. Default `default`. */
  readonly egress?: string | undefined
}

export interface SharedLimits {
  /** For `createClient({ gate })`: its calls and the workers' share one budget. */
  readonly gate: LimitGate
  /** For whoever calls `uploadImage` directly: reserve a unit before each call. */
  readonly quota: Quota
  close(): Promise<void>
}

/** What closing may wait for Redis, ms. */
const settlingMs = 2_000

/** The limits of a deployment for direct users of the client. Faults: `config` (rules that can't hold, a Redis that evicts keys). */
export async function createLimits(options: LimitsOptions): Promise<SharedLimits> {
  const { redis, baseUrl = defaultBaseUrl, prefix, limits = {}, egress = 'default', onError } = options
  const isOurs = typeof redis === 'string'
  const connection = isOurs
    ? connectProducer(redis, { name: 'wecom-media-limits', ...(onError && { onError }) })
    : redis
  const namespace = namespaceOf(baseUrl, prefix)
  try {
    const { gate, quota } = await openLimits(
      { limits, egress, assumeSpent: false },
      { redis: connection, namespace },
    )
    return {
      gate,
      quota,
      async close() {
        // A place that is not given back is taken for as long as its lease. Without Redis it can't be.
        await endsWithin(gate.settled(), settlingMs, systemClock)
        if (isOurs) connection.disconnect()
      },
    }
  } catch (error) {
    if (isOurs) connection.disconnect()
    throw error
  }
}
