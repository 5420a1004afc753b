/** Clients to check apps with: as workers have them, but what they find closes no app for the fleet. */

import { credentialsOf, keepSecrets } from '../../app/clients.ts'
import type { Config } from '../../config.ts'
import { Fault } from '../../fault.ts'
import {
  type Client,
  createClient,
  type Gate,
  memoryTicketStore,
  memoryTokenStore,
  redisTicketStore,
  redisTokenStore,
  type TicketStore,
  type TokenStore,
} from '../../wecom/index.ts'
import type { Redis } from './redis.ts'

export interface Stores {
  readonly tokens: TokenStore
  readonly tickets: TicketStore
  /** Whether they are the fleet's. */
  readonly areShared: boolean
}

export function openStores(redis: Redis | undefined, namespace: string): Stores {
  if (!redis) return { tokens: memoryTokenStore(), tickets: memoryTicketStore(), areShared: false }
  const options = { redis, prefix: namespace }
  const store = redisTokenStore(options)
  const tokens: TokenStore = {
    ...store,
    // This host's address may be refused while that of the workers is not.
    async shut() {},
    // A door that is shut for the fleet is no reason not to ask, and its probe is the fleet's.
    async look(key) {
      const { shut: _shut, isProbe: _probe, ...open } = await store.look(key)
      return open
    },
    async reopen() {},
  }
  return { tokens, tickets: redisTicketStore(options), areShared: true }
}

/**
 * The same without the tokens that are there, so that the secret is tried: the new one is kept for all, and a worker
 * whose token dies of it takes that one.
 */
export const withoutTokens = (stores: Stores): Stores => ({
  ...stores,
  tokens: {
    ...stores.tokens,
    async look(key, mayProbe) {
      const { token: _known, ...others } = await stores.tokens.look(key, mayProbe)
      return others
    },
  },
})

/** The caller closes it. Throws `config` for credentials that can't be right. */
export function clientOf(id: string, config: Config, { tokens, tickets }: Stores, gate?: Gate): Client {
  const { baseUrl, apps } = config
  const app = apps[id]
  if (!app) throw new Fault('config', `no app is called "${id}"`)
  keepSecrets(config)
  const credentials = credentialsOf(app, config, tickets)
  return createClient({ ...credentials, app: id, baseUrl, tokens, connections: 1, ...(gate && { gate }) })
}
