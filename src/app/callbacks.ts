/** The platform's callbacks of one deployment: who may be called back, and what becomes of what they say. Nothing is worked on here: it is written down, and jobs are woken. */

import {
  type CallbackKeys,
  callbackKeys,
  createReceiver,
  messageKey,
  type Party,
  type Receiver,
  type Sink,
} from '../callback/index.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { CallbackConfig } from '../config-apps.ts'
import { Fault } from '../fault.ts'
import { aliasOf } from '../processors/async-submission.ts'
import type { Admin } from '../queues/admin.ts'
import type { Producer } from '../queues/producer.ts'
import type { Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { redisTicketStore } from '../wecom/index.ts'

/** Who is called back, by the id in the URL. Throws `config` for keys that can't be right. */
export function partiesOf({ apps, suites }: Config): ReadonlyMap<string, Party> {
  const parties = new Map<string, Party>()
  for (const [id, app] of Object.entries(apps)) {
    if (app.kind === 'third-party' || !app.callback) continue
    const { corpId } = app
    parties.set(id, {
      id,
      keys: keysOf(id, app.callback),
      verifiedAs: [corpId],
      serves: corp => corp === corpId,
    })
  }
  for (const [id, suite] of Object.entries(suites)) {
    if (!suite.callback) continue
    const { suiteId, providerCorpId } = suite
    const tenants = new Set(tenantsOf({ apps }, id).map(({ corpId }) => corpId))
    const serves = (corp: string) => tenants.has(corp)
    parties.set(id, { id, keys: keysOf(id, suite.callback), verifiedAs: [providerCorpId], suiteId, serves })
  }
  return parties
}

function keysOf(id: string, { token, aesKey }: CallbackConfig): CallbackKeys {
  try {
    return callbackKeys(token, aesKey)
  } catch (error) {
    throw new Fault('config', `"${id}": ${(error as Fault).message}`)
  }
}

/** The companies of a suite that are configured here. */
const tenantsOf = (
  { apps }: Pick<Config, 'apps'>,
  suite: string,
): { readonly app: string; readonly corpId: string }[] =>
  Object.entries(apps).flatMap(([app, found]) =>
    found.kind === 'third-party' && found.suite === suite ? [{ app, corpId: found.corpId }] : [],
  )

export interface CallbackParts {
  /** Fails fast: what can't be written down is sent again by the platform. */
  readonly redis: Connection
  /** Of jobs; and of tokens and tickets. */
  readonly namespace: string
  readonly shared: string
  readonly records: Records
  readonly admin: Admin
  readonly producer: Producer
  readonly onError: (error: unknown) => void
}

export const openReceiver = (config: Config, parts: CallbackParts): Receiver =>
  createReceiver({ sink: sinkOf(config, parts), clock: systemClock, onError: parts.onError })

/** A repeat within a day is answered and not done again, s; the platform gives up within a minute. */
const rememberS = 24 * 3_600

function sinkOf(config: Config, { redis, namespace, shared, records, admin, producer }: CallbackParts): Sink {
  const tickets = redisTicketStore({ redis, prefix: shared })
  const seenKey = (party: string, hash: string) => `${namespace}:callback:${party}:${hash}`
  return {
    seen: async (party, hash) => (await redis.exists(seenKey(party, hash))) === 1,
    async remember(party, hash) {
      await redis.set(seenKey(party, hash), '1', 'EX', rememberS)
    },
    async jobFinished(_party, corpId, jobId) {
      const heard = await records.heard(aliasOf(corpId, jobId))
      if (heard && heard.state !== 'gone') await admin.wake(heard.queue, heard.jobId)
    },
    suiteTicket: (_party, { suiteId, ticket, issuedAtMs }) => tickets.put(suiteId, ticket, issuedAtMs),
    async media({ id }, corpId, message) {
      const { [id]: suite } = config.suites
      const app = suite ? tenantsOf(config, id).find(tenant => tenant.corpId === corpId)?.app : id
      const wanted = (suite ?? config.apps[id]) as { readonly callback?: CallbackConfig } | undefined
      if (app === undefined || !wanted?.callback?.download.includes(message.type)) return
      // The same message is the same job, however often it is delivered.
      await producer.download(
        { app, mediaId: message.mediaId },
        { key: `callback:${corpId}:${id}:${messageKey(message)}` },
      )
    },
  }
}
