/** Our connections to the platform: one agent, and one slot for each of its connections. */

import { type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { createConnector } from './connector.ts'
import { createSlots } from './slots.ts'
import { defaultTimeouts, type Timeouts } from './timeouts.ts'

/** For the clients of one process to share: options for `createClient`. Close the dispatcher after the clients; they leave it open. */
export const createConnections = (connections: number) => ({
  connections,
  slots: createSlots(connections),
  dispatcher: createDispatcher(connections, defaultTimeouts),
})

/** Larger heads are no answers of the platform, bytes; connector.ts counts on heads of less than a short reading. */
const headMostBytes = 8 * 1024

const bare = new WeakMap<Dispatcher, Dispatcher>()

/**
 * Proxies from the environment, HTTP/1.1, one call per connection at a time. Whoever else uses it gets copies of what
 * is read; see `bareOf`.
 */
export function createDispatcher(
  connections: number,
  { connectMs }: Pick<Timeouts, 'connectMs'>,
  ca?: Buffer,
): Dispatcher {
  const connect = createConnector({ timeout: connectMs, ...(ca && { ca }) })
  const options = { connections, pipelining: 1, allowH2: false, maxHeaderSize: headMostBytes, connect }
  const agent = new EnvHttpProxyAgent(options)
  const safe = agent.compose(dispatch => (asked, handler) => dispatch(asked, copying(handler)))
  bare.set(safe, agent)
  return safe
}

/** For whoever is done with what was read when the handler returns, as inflow.ts is. */
export const bareOf = (dispatcher: Dispatcher): Dispatcher => bare.get(dispatcher) ?? dispatcher

const copying = (handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler => ({
  onRequestStart: (...args) => handler.onRequestStart?.(...args),
  onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
  onResponseStart: (...args) => handler.onResponseStart?.(...args),
  onResponseData: (controller, chunk) => handler.onResponseData?.(controller, Buffer.from(chunk)),
  onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
  onResponseError: (...args) => handler.onResponseError?.(...args),
})
