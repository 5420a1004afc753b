/** The clients of one process: one for each configured app, over the same connections. */

import type { Config } from '../config.ts'
import type { AppConfig } from '../config-apps.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { keepSecret, keepToken } from '../log.ts'
import type { Connection } from '../redis/connection.ts'
import {
  type Client,
  type ClientOptions,
  type Credentials,
  createClient,
  redisTicketStore,
  redisTokenStore,
  type TicketStore,
  type TokenStore,
} from '../wecom/index.ts'

type Shared = Pick<ClientOptions, 'gate' | 'connections' | 'slots' | 'dispatcher' | 'onCall'>

export interface ClientParts extends Shared {
  readonly redis: Connection
  /** Where tokens and tickets live: one for the whole deployment. */
  readonly namespace: string
}

export interface Clients {
  /** Throws `config` for an app that is not configured here. */
  of(app: string): Client
  /** The configuration of an app. Throws the same. */
  configOf(app: string): AppConfig
  /** Why the platform refuses these apps now, for the whole fleet. */
  closed(apps: readonly string[]): Promise<ReadonlyMap<string, FaultReport | undefined>>
  /** At most so many: all that are configured where they are no more, else those that were asked for last. */
  recent(most: number): readonly string[]
  close(): Promise<void>
}

/** A client is made when it is first asked for: a provider may have thousands of companies. */
export function openClients(config: Config, { redis, namespace, ...shared }: ClientParts): Clients {
  const { apps, baseUrl } = config
  const tokens = watched(redisTokenStore({ redis, prefix: namespace }))
  const tickets = redisTicketStore({ redis, prefix: namespace })
  const clients = new Map<string, Client>()
  const configOf = (app: string): AppConfig => {
    const found = Object.hasOwn(apps, app) ? apps[app] : undefined
    if (found) return found
    throw new Fault('config', `no app is called "${app}" here: this worker knows ${shownApps(config)}`)
  }
  const of = (app: string): Client => {
    const credentials = credentialsOf(configOf(app), config, tickets)
    const client = clients.get(app) ?? createClient({ ...shared, ...credentials, baseUrl, tokens, app })
    // What was asked for last stands last.
    clients.delete(app)
    clients.set(app, client)
    return client
  }
  keepSecrets(config)
  return {
    of,
    configOf,
    async closed(asked) {
      const reports = asked.map(async app => [app, await of(app).closed()] as const)
      return new Map(await Promise.all(reports))
    },
    recent(most) {
      const known = Object.keys(apps)
      return known.length <= most ? known : [...clients.keys()].slice(-most)
    },
    async close() {
      await Promise.all([...clients.values()].map(client => client.close()))
    },
  }
}

/** No line may show a token that this process has had in hand. */
const watched = (store: TokenStore): TokenStore => ({
  ...store,
  async look(key, mayProbe) {
    const stored = await store.look(key, mayProbe)
    if (stored.token) keepToken(stored.token.value)
    return stored
  },
  accept(key, owner, value, lifeMs) {
    keepToken(value)
    return store.accept(key, owner, value, lifeMs)
  },
})

/** A list that a line can hold. */
function shownApps({ apps }: Config): string {
  const ids = Object.keys(apps)
  const most = 10
  return ids.length > most ? `${ids.slice(0, most).join(', ')} and ${ids.length - most} more` : ids.join(', ')
}

/** What an app proves itself with. Throws `config` for a suite that is not there. */
export function credentialsOf(
  app: AppConfig,
  { suites }: Pick<Config, 'suites'>,
  tickets: TicketStore,
): Credentials {
  if (app.kind !== 'third-party') {
    const { kind = 'self-built', corpId, secret } = app
    return { kind, corpId, secret }
  }
  const { kind, corpId, permanentCode } = app
  const suite = suites[app.suite]
  if (!suite) throw new Fault('config', `there is no suite "${app.suite}": name it in the apps file`)
  const { suiteId, suiteSecret } = suite
  return { kind, corpId, permanentCode, suite: { suiteId, suiteSecret, tickets } }
}

/** No line of any log may show one. */
export function keepSecrets({ apps, suites, webhooks, redisUrl }: Config): void {
  keepSecret(decodeURIComponent(URL.parse(redisUrl ?? '')?.password ?? ''))
  for (const secret of webhooks.secrets) keepSecret(secret)
  for (const app of Object.values(apps))
    keepSecret(app.kind === 'third-party' ? app.permanentCode : app.secret)
  for (const { suiteSecret } of Object.values(suites)) keepSecret(suiteSecret)
  for (const { callback } of [...Object.values(apps), ...Object.values(suites)] as {
    callback?: { token: string; aesKey: string }
  }[]) {
    if (!callback) continue
    keepSecret(callback.token)
    keepSecret(callback.aesKey)
  }
}
