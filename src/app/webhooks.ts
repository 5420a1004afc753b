/** Webhooks of one process: who may be told, what is counted, and the queueing of what is owed. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { Fault } from '../fault.ts'
import { createWeb } from '../files/http.ts'
import { webRules } from '../files/web-policy.ts'
import { postTimeouts } from '../files/web-post.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Resources } from '../processors/context.ts'
import type { Records } from '../record/index.ts'
import { createDeliverer, missingFor } from '../webhooks/deliver.ts'
import { createSites } from '../webhooks/sites.ts'

export interface Webhooks {
  readonly webhooks: Resources['webhooks']
  close(): Promise<void>
}

export function openWebhooks(
  { webhooks, concurrency }: Config,
  records: Pick<Records, 'read'>,
  metrics: Metrics,
): Webhooks {
  const web = createWeb(webhooks.web, { timeouts: postTimeouts })
  const deliver = createDeliverer({
    ...{ web, isOn: isOn({ webhooks }), secrets: webhooks.secrets },
    sites: createSites({ clock: systemClock, random: Math.random, places: Math.ceil(concurrency / 2) }),
    ...{ clock: systemClock, random: Math.random },
    onDelivery(outcome, ms) {
      metrics.wecom_media_webhooks_total.inc({ outcome })
      metrics.wecom_media_webhook_duration_seconds.observe({ outcome }, ms / 1000)
    },
  })
  return { webhooks: { read: records.read, deliver }, close: () => web.close() }
}

const isOn = ({ webhooks }: Pick<Config, 'webhooks'>): boolean => webhooks.web.hosts !== 'off'

/**
 * Says now what would be said when the job has ended; for whoever takes jobs in. Faults: `invalid` (webhooks are off, no
 * secret: nothing is wrong for who sends none), `forbidden-address` (host, port).
 */
export function webhookAdmission({ webhooks }: Config): (url: string) => void {
  const rules = webRules(webhooks.web)
  return url => {
    const missing = missingFor({ isOn: isOn({ webhooks }), secrets: webhooks.secrets })
    if (missing !== undefined) throw new Fault('invalid', `${missing}, or leave webhook out`)
    rules.admit(url)
  }
}
