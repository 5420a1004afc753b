/** The platform's media API as a client: the onion, and one binding per method. */

import type { Dispatcher } from 'undici'
import { type Clock, systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { Client } from './api.ts'
import { createAppTokens } from './app-tokens.ts'
import { bindings } from './bindings.ts'
import { onion } from './call.ts'
import { createDispatcher } from './connections.ts'
import { type Credentials, checkCredentials } from './credentials.ts'
import { type OnCall, reporter } from './event.ts'
import { withGate } from './gate.ts'
import { memoryTokenStore } from './memory-token-store.ts'
import { openGate } from './open-gate.ts'
import { defaultBaseUrl, platformAt } from './platform.ts'
import { defaultRetryPolicy, type RetryPolicy, withRetry } from './retry.ts'
import type { Gate, Slots } from './seams.ts'
import { withSent } from './sent.ts'
import { createSlots, withSlot } from './slots.ts'
import { defaultTimeouts, type Timeouts } from './timeouts.ts'
import { withToken } from './token.ts'
import type { TokenStore } from './token-store.ts'
import { createTransport } from './transport.ts'

export interface ClientSettings {
  /** The app's configured id, in messages, events and the token's key. Default `default`. */
  readonly app?: string
  /** Default `https://qyapi.weixin.qq.com/cgi-bin`; a private deployment's or a simulator's otherwise. */
  readonly baseUrl?: string
  /** Default: in this process only. A fleet shares one with `redisTokenStore`. */
  readonly tokens?: TokenStore
  /**
   * Your own undici dispatcher, which you close; leave the highWaterMark of its sockets as it is (64 KiB at most). Default:
   * HTTP/1.1, proxies from the environment.
   */
  readonly dispatcher?: Dispatcher
  /** Connections, and calls at a time. Default 16. */
  readonly connections?: number
  /** Default: as many as `connections`. */
  readonly slots?: Slots
  /** Where the platform's limits are kept. Default: none are. */
  readonly gate?: Gate
  readonly timeouts?: Partial<Timeouts>
  readonly retry?: Partial<RetryPolicy>
  /** Called after each exchange with the platform, those for tokens included. */
  readonly onCall?: OnCall
  readonly clock?: Clock
}

export type ClientOptions = ClientSettings & Credentials

/** A client of one app. Throws `config` when its credentials or the base URL are missing or wrong. */
export function createClient(options: ClientOptions): Client {
  const { corpId, app = 'default', connections = 16, gate = openGate, clock = systemClock } = options
  checkCredentials(options, app)
  const { slots = createSlots(connections), tokens: store = memoryTokenStore(clock) } = options
  const platform = platformAt(options.baseUrl ?? defaultBaseUrl)
  const { baseUrl } = platform
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const dispatcher = options.dispatcher ?? createDispatcher(connections, timeouts)
  const transport = createTransport({
    dispatcher,
    platform,
    timeouts,
    report: reporter(options.onCall, app, corpId),
    nowMs: () => clock.monotonicMs(),
  })
  const closing = new AbortController()
  const { signal } = closing
  const tokens = createAppTokens(options, { app, baseUrl, transport, store, clock, signal })
  const call = onion(
    transport,
    withRetry({ ...defaultRetryPolicy, ...options.retry }),
    withToken(tokens.of),
    withSlot(slots),
    withGate(gate, corpId),
    withSent,
  )
  let closed: Promise<void> | undefined
  return {
    ...bindings(call, clock),
    closed: () => tokens.closed(),
    close() {
      closing.abort(new Fault('cancelled', 'the client was closed'))
      closed ??= dispatcher === options.dispatcher ? Promise.resolve() : dispatcher.close()
      return closed
    },
  }
}
