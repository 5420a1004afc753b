/** The gate under real workers, judged by the simulator's log. Windows are short, and D with them: N in W holds at any scale. */

import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { account, type Deployment, type DeploymentOptions, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'

const windowMs = 2_000
const amount = 100
const flightMs = 100

/** Only the minute's rule, made short. */
const limits = {
  flightMs,
  all: { rates: { minute: { amount, windowMs }, hour: null, 'ip-minute': null, 'ip-hour': null } },
} as const
const env = { WECOM_MEDIA_LIMITS: JSON.stringify(limits) }

/** The platform as strict as it can be read: sliding, the same N. */
async function strict(options: DeploymentOptions = {}): Promise<Deployment> {
  const it = await deploy(options)
  it.simulator.limits.change({
    windows: 'sliding',
    rules: { minute: { on: true, calls: amount, windowMs }, hour: { on: false } },
  })
  return it
}

async function enqueue({ producer, put }: Deployment, count: number, more: object = {}) {
  // A file of its own: a second one must not be emptied while the first is read.
  const source = { path: await put(`${randomUUID()}.txt`, 'six bytes and more') }
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      producer.upload({ type: 'file', source, name: `${n}.txt`, ...more }),
    ),
  )
}

const uploads = { method: 'media/upload' }

test('R03 two workers under saturation never pass N in any window, use most of it, and meet no refusal', async () => {
  const it = await strict()
  await enqueue(it, 6 * amount)
  await Promise.all([it.startWorker(env), it.startWorker(env)])
  await it.simulator.waitFor(uploads, { count: 4 * amount, timeoutMs: 30_000 })
  const { peak, afterFirst } = it.simulator.rate({ ...uploads, windowMs, allowance: amount })
  expect(peak).toBeLessThanOrEqual(amount)
  expect(it.simulator.count({ ...uploads, refused: true })).toBe(0)
  // The bound without faults is (N - B) W / (W + D) = 94 % here; the rest is room for a noisy machine.
  expect(afterFirst.used).toBeGreaterThan(0.8)
}, 60_000)

test('a worker that is killed under saturation takes no grant with it', async () => {
  const it = await strict()
  await enqueue(it, 6 * amount)
  const first = await it.startWorker(env)
  await it.startWorker(env)
  await it.simulator.waitFor(uploads, { count: amount, timeoutMs: 30_000 })
  first.signal('SIGKILL')
  await it.simulator.waitFor(uploads, { count: 3 * amount, timeoutMs: 30_000 })
  expect(it.simulator.rate({ ...uploads, windowMs }).peak).toBeLessThanOrEqual(amount)
  expect(it.simulator.count({ ...uploads, refused: true })).toBe(0)
}, 60_000)

test('a job that waits for its grant wakes once, twice at most', async () => {
  const it = await deploy()
  const jobs = await enqueue(it, 150)
  // D as in production: a booking that is redeemed late is void, and a D of 100 ms is short for a noisy machine.
  const calm = {
    flightMs: 1_000,
    all: { rates: { ...limits.all.rates, minute: { amount: 80, windowMs: 4_000 } } },
  }
  await it.startHere({ limits: calm })
  await Promise.all(jobs.map(job => it.producer.result(job, { timeoutMs: 30_000 })))
  const records = await Promise.all(jobs.map(job => it.producer.read(job.id)))
  const wakes = records.map(record => (record?.fence ?? 0) - 1)
  expect(Math.max(...wakes)).toBeLessThanOrEqual(2)
  expect(wakes.filter(n => n > 0).length, 'most had to wait').toBeGreaterThan(75)
  expect(wakes.filter(n => n > 1).length, 'few wake twice').toBeLessThan(20)
}, 60_000)

test('R05 a 45009 in the middle closes this company and method for everyone; no call during it, no stampede after it', async () => {
  const it = await strict()
  const other = { corpId: 'ww_other_corp', secret: 'other-secret-of-no-value' }
  it.simulator.addApp(other)
  await it.startHere({ limits, apps: { default: account, other } } as Partial<Config>)
  it.simulator.faults.add({ ...uploads, nth: 10, do: 'errcode', errcode: 45009 })
  const jobs = await enqueue(it, 40)
  const refused = await it.simulator.waitFor({ ...uploads, errcode: 45009, state: 'done' })
  await Promise.all(
    (await enqueue(it, 20, { app: 'other' })).map(job => it.producer.result(job, { timeoutMs: 10_000 })),
  )
  // Calls that were under way when the platform refused are no breach; none begins after the fleet knows.
  const atMs = refused[0]?.endedAtMs ?? 0
  const late = it.simulator.log(
    call => call.method === 'media/upload' && call.corp === account.corpId && call.atMs > atMs + 100,
  )
  expect(late).toEqual([])
  // Those with a booking wake to it, find it void, and wait for the end of the penalty as well.
  await until('all wait for its end', async () => {
    const records = await Promise.all(jobs.map(job => it.producer.read(job.id)))
    const open = records.filter(record => record?.state !== 'done')
    return open.length > 0 && open.every(record => (record?.waiting?.untilMs ?? 0) > Date.now() + 40_000)
  })
}, 60_000)

test('a company with few jobs behind one with many is served at once', async () => {
  const it = await strict()
  const quiet = { corpId: 'ww_quiet_corp', secret: 'quiet-secret-of-no-value' }
  it.simulator.addApp(quiet)
  const backlog = 10 * amount
  await enqueue(it, backlog)
  await it.startHere({ limits, apps: { default: account, quiet } } as Partial<Config>)
  await it.simulator.waitFor(uploads, { count: amount, timeoutMs: 20_000 })
  const jobs = await enqueue(it, 10, { app: 'quiet' })
  await Promise.all(jobs.map(job => it.producer.result(job, { timeoutMs: 30_000 })))
  // Measured by what the busy one has called meanwhile, and not by a clock: a slow machine is slow for both.
  expect(it.simulator.count({ ...uploads, corp: account.corpId })).toBeLessThan(backlog / 2)
}, 60_000)

test('direct users of the client share the budget with the workers', async () => {
  const { createLimits } = await import('../../src/index.ts')
  const { createClient } = await import('../../src/wecom/index.ts')
  const it = await strict()
  const { baseUrl } = it.simulator
  const shared = await createLimits({
    redis: it.config.redisUrl ?? '',
    baseUrl,
    prefix: it.config.prefix,
    limits,
  })
  const client = createClient({ ...account, baseUrl, gate: shared.gate })
  await enqueue(it, 3 * amount)
  await it.startHere({ limits })
  const endMs = performance.now() + 2 * windowMs
  let direct = 0
  const content = Buffer.from('six bytes and more')
  while (performance.now() < endMs) {
    const open = async () => Readable.from([content])
    await client.upload(
      { type: 'file', name: 'direct.txt', sizeBytes: content.length, open },
      { patienceMs: 30_000 },
    )
    direct += 1
  }
  // It waits behind what the workers have booked, as every caller does.
  expect(direct).toBeGreaterThan(0)
  expect(it.simulator.rate({ ...uploads, windowMs }).peak).toBeLessThanOrEqual(amount)
  expect(it.simulator.count({ ...uploads, refused: true })).toBe(0)
  await client.close()
  await shared.close()
}, 60_000)
