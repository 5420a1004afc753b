/** Where our keys in Redis live: one hash tag (one cluster slot) and the platform, so that nothing of a simulator reaches production. */

import { createHash } from 'node:crypto'
import { platformAt } from './wecom/platform.ts'

export const defaultPrefix = 'wecom-media'

/** `{wecom-media}:p<10 hex digits>`: before every key of one deployment and one platform. Throws `config` for a bad base URL. */
export const namespaceOf = (baseUrl: string, prefix: string = defaultPrefix): string =>
  `{${prefix}}:p${createHash('sha256').update(platformAt(baseUrl).baseUrl).digest('hex').slice(0, 10)}`
