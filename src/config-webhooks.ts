/** Who may be told of ends of jobs, and what signs it: both, or neither. */

import { Fault } from './fault.ts'
import type { WebPolicy } from './files/web-policy.ts'

interface WebhookSettings {
  readonly WECOM_MEDIA_WEBHOOK_HOSTS: WebPolicy['hosts']
  readonly WECOM_MEDIA_WEBHOOK_PORTS: readonly number[]
  readonly WECOM_MEDIA_WEBHOOK_NETS: readonly string[]
  readonly WECOM_MEDIA_WEBHOOK_SECRET: readonly string[]
}

export interface WebhooksConfig {
  readonly web: WebPolicy
  /** The newest first; each signs. */
  readonly secrets: readonly string[]
}

const words = {
  off: 'webhooks are off',
  hosts: 'WECOM_MEDIA_WEBHOOK_HOSTS',
  ports: 'WECOM_MEDIA_WEBHOOK_PORTS',
  nets: 'WECOM_MEDIA_WEBHOOK_NETS',
}

export function webhooksFrom({
  WECOM_MEDIA_WEBHOOK_HOSTS: hosts,
  WECOM_MEDIA_WEBHOOK_PORTS: ports,
  WECOM_MEDIA_WEBHOOK_NETS: privateNets,
  WECOM_MEDIA_WEBHOOK_SECRET: secrets,
}: WebhookSettings): WebhooksConfig {
  if (hosts !== 'off' && secrets.length === 0)
    throw new Fault(
      'config',
      'set WECOM_MEDIA_WEBHOOK_SECRET, too: WECOM_MEDIA_WEBHOOK_HOSTS turns webhooks on, and each is signed',
    )
  return { web: { hosts, ports, privateNets, words }, secrets }
}
