/** `wecom-media demo`: real files up and down again through queue, worker and simulator, on a real Redis. */

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { startApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { type FoundRedis, findRedis } from '../embedded-redis.ts'
import { Fault } from '../fault.ts'
import { createProducer, type Producer } from '../index.ts'
import { namespaceOf } from '../namespace.ts'
import { Simulator } from '../simulator/index.ts'
import type { MediaType } from '../wecom/media-types.ts'
import { type Closers, closingAfter } from './closers.ts'
import { type Row, tableOf } from './demo-table.ts'
import { asUsage, CommandError, say } from './exit.ts'
import { explain } from './help.ts'
import { forget } from './private-keys.ts'
import { quietLog, settingsFor } from './settings.ts'
import { onInterrupt } from './signals.ts'

export const demo = (program: Command): void => {
  const command = program
    .command('demo')
    .description('upload real files to the simulator and download them again; needs nothing but this package')
    .option('--keep', 'stay up afterwards and print where to look')
    .action(run)
  explain(command, ['wecom-media demo --keep'], ['REDIS_URL'])
}

/** `demo/` of the package, from src/commands as from dist/commands. */
const files = fileURLToPath(new URL('../../demo/', import.meta.url))

const run = ({ keep = false }: { readonly keep?: boolean }): Promise<void> =>
  closingAfter(async closers => {
    const interrupted = new AbortController()
    closers.defer(onInterrupt(() => interrupted.abort()))
    const { signal } = interrupted
    try {
      const stage = await build(closers)
      await compare(stage, signal)
      if (keep) await stayUp(stage, signal)
    } catch (error) {
      throw signal.aborted ? new CommandError('interrupted', 'interrupted') : error
    }
  })

interface Stage {
  readonly simulator: Simulator
  readonly redis: FoundRedis
  readonly producer: Producer
  readonly metricsUrl: string
}

/** What the simulator knows; nobody else does. */
const account = { corpId: 'ww_demo_corp', secret: 'demo-secret-of-no-value' }

async function build(closers: Closers): Promise<Stage> {
  const settings = await settingsFor({})
  const redis = await findRedis({ url: settings.redisUrl, say })
  closers.defer(() => redis.stop())
  say(`Redis      ${redis.how}`)
  const simulator = await new Simulator({ apps: [account] }).start()
  closers.defer(() => simulator.stop())
  say(`Simulator  ${simulator.baseUrl}`)
  const { baseUrl } = simulator
  const { prefix } = settings
  // Keys carry the platform's URL, and nobody else has this one.
  closers.defer(() => forget(redis.url, namespaceOf(baseUrl, prefix)))
  const downloads = await mkdtemp(join(tmpdir(), 'wecom-media-demo-'))
  closers.defer(() => rm(downloads, { recursive: true, force: true }))
  const admin = { host: '127.0.0.1', port: 0 }
  const apps = { default: account }
  const config: Config = { ...settings, baseUrl, apps, admin, downloads, roots: [files] }
  const app = await asUsage(() => startApp(config, { redisUrl: redis.url, log: quietLog(config) }))
  closers.defer(() => app.stop())
  say(`Worker     metrics at ${app.url}/metrics`)
  const producer = createProducer({ redis: redis.url, baseUrl, prefix })
  closers.defer(() => producer.close())
  return { simulator, redis, producer, metricsUrl: `${app.url}/metrics` }
}

async function compare({ producer }: Stage, signal: AbortSignal): Promise<void> {
  const rows = await Promise.all((await samples()).map(sample => roundTrip(producer, sample, signal)))
  process.stdout.write(`\n${tableOf(rows)}\n\n`)
  const broken = rows.filter(row => !row.same)
  if (broken.length > 0)
    throw new Fault('rejected', `${broken.length} of ${rows.length} files came back with other bytes`)
  say(`${rows.length} of ${rows.length} files came back with the same bytes.`)
}

interface Sample {
  readonly name: string
  readonly type: MediaType
}

const typeOf: Readonly<Record<string, MediaType>> = {
  '.jpg': 'image',
  '.png': 'image',
  '.amr': 'voice',
  '.mp4': 'video',
  '.pdf': 'file',
}

async function samples(): Promise<Sample[]> {
  const names = (await readdir(files)).toSorted()
  return names.flatMap(name => {
    const type = typeOf[extname(name)]
    return type === undefined ? [] : [{ name, type }]
  })
}

async function roundTrip(producer: Producer, { name, type }: Sample, signal: AbortSignal): Promise<Row> {
  const path = join(files, name)
  const up = await timed(async () =>
    producer.result(await producer.upload({ type, source: { path } }), { signal }),
  )
  const { mediaId, expiresAtMs } = up.value
  const down = await timed(async () => producer.result(await producer.download({ mediaId }), { signal }))
  const [sent, received] = await Promise.all([readFile(path), readFile(down.value.path)])
  const { size: sizeBytes } = await stat(path)
  const same = sent.equals(received)
  return { name, type, sizeBytes, mediaId, expiresAtMs, uploadMs: up.ms, downloadMs: down.ms, same }
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedMs = systemClock.monotonicMs()
  const value = await work()
  return { value, ms: systemClock.monotonicMs() - startedMs }
}

/** Until Ctrl-C, which is its normal end. */
async function stayUp({ simulator, redis, metricsUrl }: Stage, signal: AbortSignal): Promise<void> {
  const { baseUrl, controlUrl } = simulator
  const { corpId, secret } = account
  say(`
Still running; Ctrl-C ends it.
  metrics            ${metricsUrl}
  calls received     ${controlUrl}/log
  from another shell
    export REDIS_URL=${redis.url} WECOM_BASE_URL=${baseUrl} WECOM_CORP_ID=${corpId} WECOM_CORP_SECRET=${secret}
    npx wecom-media upload image ${join(files, 'photo.jpg')}`)
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
}
