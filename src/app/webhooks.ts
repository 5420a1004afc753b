/** Webhooks of one process: who may be told, what is counted, and the queueing of what is owed. */

import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { createWeb } from '../files/http.ts'
import { webRules } from '../files/web-policy.ts'
import { postTimeouts } from '../files/web-post.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Resources } from '../processors/context.ts'
import type { Records } from '../record/index.ts'
import { assertWebhooks, createDeliverer } from '../webhooks/deliver.ts'

export interface Webhooks {
  readonly webhooks: Resources['webhooks']
  close(): Promise<void>
}

export function openWebhooks(
  { webhooks }: Config,
  records: Pick<Records, 'read'>,
  metrics: Metrics,
): Webhooks {
  const web = createWeb(webhooks.web, { timeouts: postTimeouts })
  const deliver = createDeliverer({
    ...{ web, isOn: isOn({ webhooks }), secrets: webhooks.secrets },
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
 * Says now what would be said when the job has ended; for whoever takes jobs in. Faults: `config` (webhooks are off, no
 * secret), `forbidden-address` (host, port), `invalid`.
 */
export function webhookAdmission({ webhooks }: Config): (url: string) => void {
  const rules = webRules(webhooks.web)
  return url => {
    assertWebhooks({ isOn: isOn({ webhooks }), secrets: webhooks.secrets })
    rules.admit(url)
  }
}
