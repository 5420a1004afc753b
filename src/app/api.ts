/** What the HTTP API of a process is made of: its door, and what stands behind it. */

import type { Config } from '../config.ts'
import type { ApiParts } from '../http/api.ts'
import { authenticator } from '../http/tokens.ts'
import type { Logger } from '../log.ts'
import type { Producer } from '../queues/producer.ts'
import { apiHook } from './report.ts'

export interface ApiBasics {
  readonly producer: Producer
  readonly log: Logger
  readonly closing: AbortSignal
}

/** Undefined without tokens: nobody could use it. */
export function apiOf(
  { tokens, apps, spool }: Config,
  { producer, log, closing }: ApiBasics,
): ApiParts | undefined {
  if (tokens.length === 0) return undefined
  return {
    ...{ producer, spool, closing },
    authenticate: authenticator(tokens),
    isApp: app => Object.hasOwn(apps, app),
    onAnswer: apiHook(log),
    onError: error => log.error({ error }, 'the HTTP API failed'),
  }
}
