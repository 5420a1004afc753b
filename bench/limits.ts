/**
 * How much of an allowance is used, and is it ever broken? Our gate with 1, 2 and 8 worker processes, and beside it
 * BullMQ's own limiter and rate-limiter-flexible doing the same uploads. The judge is the simulator: arrivals of heads.
 *
 *   node bench/limits.ts [--amount 5000] [--window 60] [--seconds 180] [--workers 1,2,8] [--kill] [--json FILE]
 */

import { fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Queue } from 'bullmq'
import { findRedis } from '../src/embedded-redis.ts'
import { createProducer } from '../src/index.ts'
import { Simulator } from '../src/simulator/index.ts'

const { values } = parseArgs({
  options: {
    amount: { type: 'string', default: '5000' },
    window: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '180' },
    workers: { type: 'string', default: '1,2,8' },
    only: { type: 'string', default: 'gate,bullmq,flexible' },
    kill: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const amount = Number(values.amount)
const windowMs = Number(values.window) * 1000
const seconds = Number(values.seconds)
/** D is scaled with the window where it is short; never above the real one. */
const flightMs = Math.min(1000, windowMs / 20)
const account = { corpId: 'ww_bench', secret: 'bench-secret-of-no-value' }

type Side = 'gate' | 'bullmq' | 'flexible'

interface Row {
  readonly side: Side
  readonly workers: number
  readonly calls: number
  readonly peak: number
  /** Of the allowance, in whole windows after the first. */
  readonly used: number
  readonly refused: number
  readonly kills: number
}

async function measure(side: Side, workers: number): Promise<Row> {
  const redis = await findRedis({ say: line => process.stderr.write(`${line}\n`) })
  const folder = await mkdtemp(join(tmpdir(), 'wecom-media-bench-'))
  const isOurs = side === 'gate'
  // Against us the platform is as strict as it can be read; the others are only counted.
  const minute = { on: isOurs, calls: amount, windowMs }
  const simulator = await new Simulator({
    apps: [account],
    limits: { windows: 'sliding', rules: { minute, hour: { on: false } } },
  }).start()
  const path = join(folder, 'small.txt')
  await writeFile(path, 'x'.repeat(4096))
  const env = settings(redis.url, simulator.baseUrl, folder)
  await enqueue(side, redis.url, simulator.baseUrl, path)
  const start = () =>
    fork(join(import.meta.dirname, 'limits-worker.ts'), [side, String(amount), String(windowMs), path], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  const children = Array.from({ length: workers }, start)
  await simulator.waitFor({ method: 'media/upload' }, { timeoutMs: 60_000 })
  let kills = 0
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs) {
    await new Promise(resolve => setTimeout(resolve, Math.min(5_000, Math.max(1, endMs - performance.now()))))
    if (!values.kill || !isOurs || performance.now() >= endMs) continue
    children[kills % workers]?.kill('SIGKILL')
    children[kills % workers] = start()
    kills += 1
  }
  const untilMs = Date.now()
  for (const child of children) child.kill('SIGKILL')
  const filter = { method: 'media/upload', windowMs }
  const rate = simulator.rate({ ...filter, allowance: amount, untilMs })
  const refused = simulator.count({ method: 'media/upload', refused: true })
  await simulator.stop()
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
  return {
    side,
    workers,
    calls: rate.calls,
    peak: rate.peak,
    used: rate.afterFirst.used ?? 0,
    refused,
    kills,
  }
}

const settings = (redisUrl: string, baseUrl: string, folder: string) => ({
  REDIS_URL: redisUrl,
  WECOM_BASE_URL: baseUrl,
  WECOM_CORP_ID: account.corpId,
  WECOM_CORP_SECRET: account.secret,
  WECOM_MEDIA_ROOTS: folder,
  WECOM_MEDIA_DOWNLOADS: folder,
  WECOM_MEDIA_LIMITS: JSON.stringify({
    flightMs,
    methods: {
      'media/upload': {
        rates: { minute: { amount, windowMs }, hour: null, 'ip-minute': null, 'ip-hour': null },
      },
    },
  }),
  LOG_LEVEL: 'error',
})

/** More than can be sent in the time: the queue is never empty. */
async function enqueue(side: Side, redisUrl: string, baseUrl: string, path: string): Promise<void> {
  const total = Math.ceil(amount * (1 + (seconds * 1000) / windowMs) * 1.3)
  const numbers = Array.from({ length: total }, (_, n) => n)
  if (side === 'gate') {
    const producer = createProducer({ redis: redisUrl, baseUrl })
    for (let n = 0; n < total; n += 500) {
      await Promise.all(
        numbers
          .slice(n, n + 500)
          .map(k => producer.upload({ type: 'file', source: { path }, name: `${k}.txt` })),
      )
    }
    return producer.close()
  }
  const queue = new Queue('bench', { connection: { url: redisUrl } })
  for (let n = 0; n < total; n += 1000) {
    await queue.addBulk(
      numbers
        .slice(n, n + 1000)
        .map(k => ({ name: 'upload', data: { name: `${k}.txt` }, opts: { removeOnComplete: true } })),
    )
  }
  await queue.close()
}

const rows: Row[] = []
for (const side of values.only.split(',') as Side[]) {
  const counts = side === 'gate' ? values.workers.split(',').map(Number) : [2]
  for (const workers of counts) {
    rows.push(await measure(side, workers))
    const { calls, peak, used, refused, kills } = rows.at(-1) as Row
    process.stdout.write(
      `${side.padEnd(9)} ${workers} worker(s): ${calls} calls, largest window ${peak} of ${amount}, used ${(used * 100).toFixed(1)} %, refused ${refused}${kills ? `, ${kills} kills` : ''}\n`,
    )
  }
}
if (values.json)
  await writeFile(values.json, `${JSON.stringify({ amount, windowMs, seconds, flightMs, rows }, null, 2)}\n`)
