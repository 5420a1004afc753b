/** A port of the loopback interface, for what can't be told to take a free one by itself. */

import { type AddressInfo, createServer } from 'node:net'

/** One that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
