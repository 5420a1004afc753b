/** All that the demo needs, in one process: a Redis, the simulator, an origin of files, a worker that is called back, a producer. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startApp } from '../app.ts'
import type { Config } from '../config.ts'
import { type FoundRedis, findRedis } from '../embedded-redis.ts'
import { createProducer, type Producer } from '../index.ts'
import { namespaceOf } from '../namespace.ts'
import { Simulator } from '../simulator/index.ts'
import type { Closers } from './closers.ts'
import { type Origin, startOrigin } from './demo-origin.ts'
import { asUsage, say } from './exit.ts'
import { forget } from './private-keys.ts'
import { quietLog, settingsFor } from './settings.ts'

export interface Stage {
  readonly simulator: Simulator
  readonly redis: FoundRedis
  readonly origin: Origin
  readonly producer: Producer
  readonly metricsUrl: string
}

/** `demo/` of the package, from src/commands as from dist/commands. */
export const files = fileURLToPath(new URL('../../demo/', import.meta.url))

/** What the simulator knows; nobody else does. */
export const account = { corpId: 'ww_demo_corp', secret: 'demo-secret-of-no-value' }
const callback = { token: 'DemoToken', aesKey: 'TheKeyOfTheDemoHasFortyThreeCharactersAsAll' }

const loopback = { host: '127.0.0.1', port: 0 }

export async function build(closers: Closers): Promise<Stage> {
  const settings = await settingsFor({})
  const redis = await findRedis({ url: settings.redisUrl, say })
  closers.defer(() => redis.stop())
  say(`Redis      ${redis.how}`)
  const simulator = await new Simulator().start()
  closers.defer(() => simulator.stop())
  say(`Simulator  ${simulator.baseUrl}`)
  const { baseUrl } = simulator
  const { prefix } = settings
  // Keys carry the platform's URL, and nobody else has this one.
  closers.defer(() => forget(redis.url, namespaceOf(baseUrl, prefix)))
  const origin = await startOrigin(files)
  closers.defer(() => origin.close())
  const config = await configOf({ ...settings, baseUrl }, origin, closers)
  const app = await asUsage(() => startApp(config, { redisUrl: redis.url, log: quietLog(config) }))
  closers.defer(() => app.stop())
  // Only now is it known where callbacks go.
  const url = `${app.publicUrl}/callback/default`
  simulator.addApp({ ...account, callback: { ...callback, url } })
  const metricsUrl = `${app.url}/metrics`
  say(`Worker     metrics at ${metricsUrl}, called back at ${url}`)
  const producer = createProducer({ redis: redis.url, baseUrl, prefix })
  closers.defer(() => producer.close())
  return { simulator, redis, origin, producer, metricsUrl }
}

async function configOf(settings: Config, { port }: Origin, closers: Closers): Promise<Config> {
  const downloads = await mkdtemp(join(tmpdir(), 'wecom-media-demo-'))
  closers.defer(() => rm(downloads, { recursive: true, force: true }))
  return {
    ...settings,
    ...{ downloads, roots: [files], admin: loopback, public: loopback },
    apps: { default: { ...account, callback: { ...callback, download: [] } } },
    suites: {},
    web: { hosts: ['127.0.0.1'], ports: [port], privateNets: ['127.0.0.1/32'] },
  }
}
