/** `wecom-media demo`: real files up and down again through queue, worker and simulator, on a real Redis. */

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'
import type { Command } from 'commander'
import { startApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import { type Config, readConfig } from '../config.ts'
import { findRedis } from '../embedded-redis.ts'
import { Fault } from '../fault.ts'
import { createProducer, type Producer } from '../index.ts'
import { Simulator } from '../simulator/index.ts'
import type { MediaType } from '../wecom/media-types.ts'
import { quietLog, say } from './settings.ts'
import { untilSignal } from './signals.ts'

export const demo = (program: Command): void => {
  program
    .command('demo')
    .description('upload real files to the simulator and download them again; needs nothing but this package')
    .option('--keep', 'stay up afterwards and print where to look', false)
    .action(run)
}

/** `demo/` of the package, from src/commands as from dist/commands. */
const files = fileURLToPath(new URL('../../demo/', import.meta.url))

async function run({ keep }: { readonly keep: boolean }): Promise<void> {
  await using closers = new AsyncDisposableStack()
  const redis = await findRedis({ url: readConfig().redisUrl, say })
  closers.defer(() => redis.stop())
  say(`Redis      ${redis.how}`)
  const simulator = await new Simulator({ apps: [account] }).start()
  closers.defer(() => simulator.stop())
  say(`Simulator  ${simulator.baseUrl}`)
  const downloads = await mkdtemp(join(tmpdir(), 'wecom-media-demo-'))
  closers.defer(() => rm(downloads, { recursive: true, force: true }))
  const config = demoConfig(simulator, downloads)
  const app = await startApp(config, { redisUrl: redis.url, log: quietLog(config) })
  closers.defer(() => app.stop())
  say(`Worker     metrics at ${app.url}/metrics`)
  const producer = createProducer({ redis: redis.url, baseUrl: simulator.baseUrl })
  closers.defer(() => producer.close())

  const rows = await Promise.all((await samples()).map(sample => roundTrip(producer, sample)))
  process.stdout.write(`\n${tableOf(rows)}\n\n`)
  const broken = rows.filter(row => !row.same)
  if (broken.length > 0)
    throw new Fault('rejected', `${broken.length} of ${rows.length} files came back with other bytes`)
  say(`${rows.length} of ${rows.length} files came back with the same bytes.`)
  if (keep) await stayUp({ simulator, redisUrl: redis.url, metrics: `${app.url}/metrics` })
}

/** What the simulator knows; nobody else does. */
const account = { corpId: 'ww_demo_corp', secret: 'demo-secret-of-no-value' }

function demoConfig({ baseUrl }: Simulator, downloads: string): Config {
  const admin = { host: '127.0.0.1', port: 0 }
  const apps = { default: account }
  return { ...readConfig(), baseUrl, apps, admin, downloads, roots: [files] }
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

interface Row extends Sample {
  readonly sizeBytes: number
  readonly mediaId: string
  readonly expiresAtMs: number
  readonly uploadMs: number
  readonly downloadMs: number
  readonly same: boolean
}

async function roundTrip(producer: Producer, { name, type }: Sample): Promise<Row> {
  const path = join(files, name)
  const up = await timed(async () => producer.result(await producer.upload({ type, source: { path } })))
  const { mediaId, expiresAtMs } = up.value
  const down = await timed(async () => producer.result(await producer.download({ mediaId })))
  const [sent, received] = await Promise.all([readFile(path), readFile(down.value.path)])
  const { size: sizeBytes } = await stat(path)
  return {
    name,
    type,
    sizeBytes,
    mediaId,
    expiresAtMs,
    uploadMs: up.ms,
    downloadMs: down.ms,
    same: sent.equals(received),
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedMs = systemClock.monotonicMs()
  const value = await work()
  return { value, ms: systemClock.monotonicMs() - startedMs }
}

function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['file', 'type', 'size', 'media_id', 'expires', 'up', 'down', 'same bytes'],
    colAligns: ['left', 'left', 'right', 'left', 'left', 'right', 'right', 'center'],
    style: { head: [], border: [] },
  })
  for (const row of rows) {
    const { name, type, sizeBytes, mediaId, expiresAtMs, uploadMs, downloadMs, same } = row
    const expires = new Date(expiresAtMs).toISOString().slice(0, 16).replace('T', ' ')
    const size = `${(sizeBytes / 1024).toFixed(1)} KiB`
    const times = [uploadMs, downloadMs].map(ms => `${Math.round(ms)} ms`)
    table.push([name, type, size, `${mediaId.slice(0, 12)}…`, expires, ...times, same ? 'yes' : 'NO'])
  }
  return table.toString()
}

interface Standing {
  readonly simulator: Simulator
  readonly redisUrl: string
  readonly metrics: string
}

async function stayUp({ simulator, redisUrl, metrics }: Standing): Promise<void> {
  const { baseUrl, controlUrl } = simulator
  const { corpId, secret } = account
  say(`
Still running; Ctrl-C ends it.
  metrics            ${metrics}
  calls received     ${controlUrl}/log
  from another shell
    export REDIS_URL=${redisUrl} WECOM_BASE_URL=${baseUrl} WECOM_CORP_ID=${corpId} WECOM_CORP_SECRET=${secret}
    npx wecom-media upload image ${join(files, 'photo.jpg')}`)
  await untilSignal()
}
