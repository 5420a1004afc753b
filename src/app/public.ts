/** The public listener of a process: the HTTP API when there are tokens, callbacks when an app has keys for them. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { CallbackRoutes } from '../http/callback.ts'
import { operationsOf } from '../http/operations.ts'
import { type PublicServer, servePublic } from '../http/server.ts'
import type { Rules } from '../limits/index.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { startApi, startCallbacks } from '../metrics/zero.ts'
import { type Admin, createAdmin } from '../queues/admin.ts'
import { type Producer, produce } from '../queues/producer.ts'
import { createRecords } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { connectProducer, connectSubscriber } from '../redis.ts'
import { apiOf } from './api.ts'
import { openReceiver, partiesOf } from './callbacks.ts'
import { keepSweepingBodies } from './chores.ts'
import { createHeard } from './heard.ts'
import { redisTrouble } from './redis-trouble.ts'
import { callbackHook } from './report.ts'
import { webhookAdmission } from './webhooks.ts'

export interface PublicParts {
  readonly redisUrl: string
  readonly namespace: string
  readonly shared: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Of limits. */
  readonly rules: Rules
}

const unreadable = { status: 400, body: '', event: 'none', outcome: 'refused', reason: 'malformed' } as const

/** Undefined when there is nothing to listen for. Rejects when the address is in use; throws `config` for keys that can't be right. */
export async function openPublic(config: Config, parts: PublicParts): Promise<PublicServer | undefined> {
  const parties = partiesOf(config)
  if (parties.size === 0 && config.tokens.length === 0) return undefined
  const { redisUrl, namespace, log, metrics } = parts
  const onError = redisTrouble({ log, metrics, clock: systemClock }, 'public')
  // Of its own, since a worker's waits for ever: who asks here is told at once that Redis is away, and asks again.
  const redis = connectProducer(redisUrl, { name: 'wecom-media-public', onError })
  const admin = createAdmin(redis, namespace, onError)
  const subscribe = () => connectSubscriber(redisUrl, { name: 'wecom-media-public', onError })
  const admitWebhook = webhookAdmission(config)
  const producer = produce({ redis, namespace, subscribe, onError, admitWebhook })
  const closing = new AbortController()
  const close = async () => {
    await Promise.all([producer.close(), admin.close()])
    redis.disconnect()
  }
  try {
    const callbacks = await callbacksOf(config, parties, { ...parts, redis, admin, producer })
    const api = apiOf(config, { ...parts, redis, producer, closing: closing.signal })
    startCallbacks(metrics, [...parties.keys()])
    if (api)
      startApi(
        metrics,
        operationsOf(api).map(({ id }) => id),
      )
    if (api)
      void keepSweepingBodies(config.spool, producer.read, error => onError(error as Error), closing.signal)
    const server = await servePublic(config.public, { callbacks, api })
    return {
      url: server.url,
      close() {
        closing.abort()
        return server.close().finally(close)
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface CallbackBasics extends PublicParts {
  readonly redis: Connection
  readonly admin: Admin
  readonly producer: Producer
}

async function callbacksOf(
  config: Config,
  parties: ReturnType<typeof partiesOf>,
  { redis, namespace, shared, admin, producer, log, metrics }: CallbackBasics,
): Promise<CallbackRoutes | undefined> {
  if (parties.size === 0) return undefined
  const receive = openReceiver(config, {
    ...{ redis, namespace, shared, admin, producer, records: createRecords(redis, namespace) },
    onError: error => log.warn({ error }, 'a callback could not be written down'),
  })
  const heard = createHeard(redis, shared, systemClock)
  await heard
    .expect([...parties.keys()])
    .catch(error => log.warn({ error }, 'whom callbacks are awaited for was not written down'))
  const onAnswer = callbackHook(log, metrics, heard)
  return { parties, receive, onAnswer, onUnreadable: () => onAnswer(undefined, unreadable, 0) }
}
