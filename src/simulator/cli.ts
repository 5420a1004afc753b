/** What the command `simulate` does: a simulator that tells where it is, in one line of JSON. */

import type { CallbackTarget } from './callback-target.ts'
import type { LimitChange } from './limits/settings.ts'
import { defaultApp } from './options.ts'
import { Simulator } from './simulator.ts'

export interface SimulateOptions {
  /** Default 0: a free one. */
  readonly port?: number | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  readonly corpId?: string | undefined
  readonly secret?: string | undefined
  /** Where the app's callbacks go. Default: it gets none. */
  readonly callback?: CallbackTarget | undefined
  /** Where they differ from the manual's. */
  readonly limits?: LimitChange | undefined
}

/**
 * Prints `{"baseUrl","corpId","secret","control"}` when ready, and `"callback"`, the URL, when there is one. Rejects
 * with one line for a callback that makes no sense, and when the port cannot be had.
 */
export async function simulate(
  {
    port = 0,
    host = '127.0.0.1',
    corpId = defaultApp.corpId,
    secret = defaultApp.secret,
    callback,
    limits = {},
  }: SimulateOptions,
  out: { write(text: string): unknown },
): Promise<{ stop(): Promise<void> }> {
  const simulator = new Simulator({ port, host, apps: [{ corpId, secret, callback }], limits })
  await simulator.start().catch((error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE'
    const why = isTaken
      ? 'is in use; choose another one, or 0 for a free one'
      : `cannot be had: ${error.message}`
    throw new Error(`port ${port} on ${host} ${why}`, { cause: error })
  })
  const { baseUrl, controlUrl } = simulator
  const line = { baseUrl, corpId, secret, control: controlUrl, callback: callback?.url }
  out.write(`${JSON.stringify(line)}\n`)
  return simulator
}
