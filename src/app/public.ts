/** The public listener of a process: callbacks, when an app has keys for them. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type PublicServer, servePublic } from '../http/server.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { createAdmin } from '../queues/admin.ts'
import { produce } from '../queues/producer.ts'
import { createRecords } from '../record/index.ts'
import { connectProducer, connectSubscriber } from '../redis.ts'
import { openReceiver, partiesOf } from './callbacks.ts'
import { createHeard } from './heard.ts'
import { callbackHook, redisTrouble } from './report.ts'
import { webhookAdmission } from './webhooks.ts'

export interface PublicParts {
  readonly redisUrl: string
  readonly namespace: string
  readonly shared: string
  readonly log: Logger
  readonly metrics: Metrics
}

const unreadable = { status: 400, body: '', event: 'none', outcome: 'refused', reason: 'malformed' } as const

/** Undefined when nobody is called back. Rejects when the address is in use; throws `config` for keys that can't be right. */
export async function openPublic(config: Config, parts: PublicParts): Promise<PublicServer | undefined> {
  const { redisUrl, namespace, shared, log, metrics } = parts
  const parties = partiesOf(config)
  if (parties.size === 0) return undefined
  const onError = (error: Error) => redisTrouble(log, metrics, 'callback', error)
  // Of its own, since a worker's waits for ever: what can't be written down now is sent again by the platform.
  const redis = connectProducer(redisUrl, { name: 'wecom-media-callback', onError })
  const admin = createAdmin(redis, namespace, onError)
  const subscribe = () => connectSubscriber(redisUrl, { name: 'wecom-media-callback', onError })
  const admitWebhook = webhookAdmission(config)
  const producer = produce({ redis, namespace, subscribe, onError, admitWebhook })
  const receive = openReceiver(config, {
    ...{ redis, namespace, shared, admin, producer, records: createRecords(redis, namespace) },
    onError: error => log.warn({ error: String(error) }, 'a callback could not be written down'),
  })
  const close = async () => {
    await Promise.all([producer.close(), admin.close()])
    redis.disconnect()
  }
  try {
    const heard = createHeard(redis, shared, systemClock)
    const onAnswer = callbackHook(log, metrics, heard)
    await heard.expect([...parties.keys()]).catch(onError)
    const onUnreadable = () => onAnswer(undefined, unreadable, 0)
    const server = await servePublic(config.public, { parties, receive, onAnswer, onUnreadable })
    return { url: server.url, close: () => server.close().finally(close) }
  } catch (error) {
    await close()
    throw error
  }
}
