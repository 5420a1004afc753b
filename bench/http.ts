/**
 * How many requests a second does the HTTP API take, and does it stay alive meanwhile? A process of its own
 * (`serve --only http`) with a Redis beside it; a paced sender here, with a connection for each request under way.
 *
 *   node bench/http.ts [--rates 1000,1500,2000] [--seconds 30] [--json FILE]
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { findRedis } from '../src/embedded-redis.ts'
import { hashOfToken, newToken } from '../src/http/tokens.ts'

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1000,1500,2000' },
    seconds: { type: 'string', default: '30' },
    json: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const token = newToken()

interface Row {
  readonly perSecond: number
  readonly seconds: number
  readonly sent: number
  readonly accepted: number
  /** Any other answer, or none. */
  readonly errors: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of /livez on the admin listener, asked ten times a second. */
  readonly livezMaxMs: number
  /** Of the serving process, in cores. */
  readonly cpu: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** The status, or 0 for no answer; and how long it took. */
function post(url: URL, body: string): Promise<{ status: number; ms: number }> {
  const beganMs = performance.now()
  return new Promise(resolve => {
    const done = (status: number) => resolve({ status, ms: performance.now() - beganMs })
    const headers = {
      ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      'content-length': Buffer.byteLength(body),
    }
    const sent = request(url, { method: 'POST', agent, headers }, answer => {
      answer.resume().on('end', () => done(answer.statusCode ?? 0))
    })
    sent.on('error', () => done(0))
    sent.end(body)
  })
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
const rounded = (ms: number): number => Math.round(ms * 10) / 10

/** Of /livez, ms; asked until told to stop. */
function probe(admin: string): { stop(): Promise<number> } {
  const thread = new Worker(new URL('./http-probe.ts', import.meta.url), { workerData: `${admin}/livez` })
  const worst = once(thread, 'message').then(([ms]) => ms as number)
  return {
    stop() {
      thread.postMessage('stop')
      return worst
    },
  }
}

/** Ticks of the kernel, 100 a second on Linux. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function measure(url: string, admin: string, pid: number, perSecond: number): Promise<Row> {
  const target = new URL(`${url}/v1/jobs/download`)
  const livez = probe(admin)
  const cpuBefore = await cpuSecondsOf(pid)
  const pending: Promise<{ status: number; ms: number }>[] = []
  const beganMs = performance.now()
  const total = perSecond * seconds
  while (pending.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - beganMs) / 1000) * perSecond))
    while (pending.length < due)
      pending.push(post(target, JSON.stringify({ mediaId: `bench-${perSecond}-${pending.length}` })))
    await delay(2)
  }
  const answers = await Promise.all(pending)
  const tookS = (performance.now() - beganMs) / 1000
  const cpu = ((await cpuSecondsOf(pid)) - cpuBefore) / tookS
  const ms = answers.map(answer => answer.ms).sort((a, b) => a - b)
  const accepted = answers.filter(({ status }) => status === 202).length
  return {
    ...{ perSecond, seconds: rounded(tookS), sent: total, accepted, errors: total - accepted },
    ...{
      p50Ms: rounded(quantile(ms, 0.5)),
      p99Ms: rounded(quantile(ms, 0.99)),
      maxMs: rounded(ms.at(-1) ?? 0),
    },
    ...{ livezMaxMs: rounded(await livez.stop()), cpu: rounded(cpu) },
  }
}

/** The server's process, and where it listens. */
async function start(redisUrl: string, folder: string) {
  const tokens = join(folder, 'tokens.json')
  await writeFile(
    tokens,
    JSON.stringify({ tokens: [{ name: 'bench', sha256: hashOfToken(token), apps: ['*'] }] }),
  )
  const env = {
    ...process.env,
    ...{ REDIS_URL: redisUrl, WECOM_CORP_ID: 'ww_bench', WECOM_CORP_SECRET: 'bench-secret-of-no-value' },
    ...{
      WECOM_MEDIA_TOKENS: tokens,
      WECOM_MEDIA_FILES: folder,
      WECOM_MEDIA_PORT: '0',
      WECOM_MEDIA_ADMIN_PORT: '0',
    },
    WECOM_MEDIA_REQUESTS_PER_SECOND: '100000',
  }
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../bin/wecom-media.js'), 'serve', '--only', 'http'],
    {
      ...{ env, stdio: ['ignore', 'ignore', 'pipe'] },
    },
  )
  const lines = createInterface({ input: child.stderr })
  for await (const line of lines) {
    const said = JSON.parse(line) as { readonly msg: string; readonly admin: string; readonly public: string }
    if (said.msg !== 'ready') continue
    lines.close()
    child.stderr.resume()
    return { child, pid: child.pid ?? 0, admin: said.admin, url: said.public }
  }
  throw new Error('the server ended before it was ready')
}

const redis = await findRedis({ say: line => process.stderr.write(`${line}\n`) })
const folder = await mkdtemp(join(tmpdir(), 'wecom-media-bench-'))
const server = await start(redis.url, folder)
const rows: Row[] = []
try {
  // The first second of a process is for its compiler.
  for (let warm = 0; warm < 500; warm++)
    await post(new URL(`${server.url}/v1/jobs/download`), `{"mediaId":"warm-${warm}"}`)
  for (const rate of values.rates.split(',').map(Number)) {
    const row = await measure(server.url, server.admin, server.pid, rate)
    process.stderr.write(`${JSON.stringify(row)}\n`)
    rows.push(row)
  }
} finally {
  server.child.kill('SIGTERM')
  agent.destroy()
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
}
const report = { cpus: cpus().length, node: process.version, redis: redis.how, rows }
if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
process.stdout.write(`${JSON.stringify(report)}\n`)
