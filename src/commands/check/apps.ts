/** Can this app speak to the platform from here? A token, and one call that costs no quota and changes nothing. */

import type { Config } from '../../config.ts'
import { Fault } from '../../fault.ts'
import type { Client, Gate } from '../../wecom/index.ts'
import { clientOf, type Stores, withoutTokens } from './clients.ts'
import { type Finding, failed, finding, ok, skipped } from './finding.ts'

export async function checkApp(id: string, config: Config, stores: Stores, gate?: Gate): Promise<Finding[]> {
  const [token, call] = [`app ${id}: token`, `app ${id}: call`]
  const { kind = 'self-built' } = config.apps[id] ?? {}
  if (kind === 'third-party' && !stores.areShared)
    return [skipped(token, 'its suite tickets live in Redis'), skipped(call, 'there is no token')]
  const got = await finding(token, () =>
    withClient(id, config, withoutTokens(stores), undefined, tokenOf(kind)),
  )
  if (got.state === 'failed') return [got, skipped(call, 'there is no token')]
  if (kind === 'provider') return [got, skipped(call, 'a provider has no call that costs nothing')]
  return [got, await withClient(id, config, stores, gate, client => checkCall(call, client))]
}

async function withClient<T>(
  id: string,
  config: Config,
  stores: Stores,
  gate: Gate | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = clientOf(id, config, stores, gate)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** An upload whose body is never opened: the token comes first, and then nothing is sent. */
const tokenOf =
  (kind: string) =>
  async (client: Client): Promise<string> => {
    const unsent = new Fault('cancelled', 'only the token was asked for')
    const open = () => Promise.reject(unsent)
    const file = { type: 'file', name: 'check.bin', sizeBytes: 6, open } as const
    const send = kind === 'provider' ? client.uploadForProvider(file) : client.upload(file)
    return send.then(
      () => 'the platform gives one to this secret',
      error => {
        if (error !== unsent) throw error
        return 'the platform gives one to this secret'
      },
    )
  }

/** The platform checks the caller's address before it looks for a medium. */
const noMediaId = 'wecom-media-check-of-a-medium-that-is-not-there'
const patienceMs = 2_000

async function checkCall(what: string, client: Client): Promise<Finding> {
  const fine = ok(what, 'the platform takes calls from this address')
  try {
    const { body } = await client.get(noMediaId, { patienceMs })
    body.destroy()
    return fine
  } catch (error) {
    if (!(error instanceof Fault)) return failed(what, error)
    if (error.kind === 'gone') return fine
    // The fleet's own gate, or the platform's limit: neither says anything about the address.
    if (error.kind === 'limit') return skipped(what, error.message)
    return failed(what, error)
  }
}
