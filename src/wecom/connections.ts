/** Connections that the clients of one process share: one agent, and one slot for each of its connections. */

import { createSlots } from './slots.ts'
import { defaultTimeouts } from './timeouts.ts'
import { createDispatcher } from './transport.ts'

/** Options for `createClient`. Close the dispatcher after the clients; they leave it open. */
export const createConnections = (connections: number) => ({
  connections,
  slots: createSlots(connections),
  dispatcher: createDispatcher(connections, defaultTimeouts),
})
