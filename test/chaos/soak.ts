/**
 * The chaos run (notes/reliability.md §7): jobs are enqueued while workers and Redis are killed, frozen and stopped, and a
 * few answers are lost. The judge reads the simulator's log, the records and the folders; every duplicate must be explained.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { CallEntry } from '../../src/simulator/log.ts'
import { account, deploy, lockMs } from '../support/deployment.ts'
import { type Asked, enqueue, judge, type Mix, prepare, startWeb, type Verdict } from '../support/load.ts'
import type { NodeProcess } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { type Act, type Blow, plan, random, strike } from './nemesis.ts'

export interface Size {
  readonly seed: number
  readonly jobs: number
  readonly workers: number
  readonly concurrency: number
  readonly blows: number
}

export interface Report extends Size, Omit<Verdict, 'duplicated'> {
  /** Enqueues whose answer was unsure at first and which the same key brought back. */
  readonly recovered: number
  readonly acts: Readonly<Partial<Record<Act, number>>>
  readonly lostAnswers: number
  readonly duplicates: number
  /** Names of contents that were accepted again without a kill, a lost answer or a lost lease to explain it. */
  readonly unexplained: readonly string[]
  /** Results that changed after they were first seen. */
  readonly changed: readonly string[]
  /** Most calls in a window, per method, and how many were allowed. */
  readonly fullest: number
  readonly allowed: number
  readonly refused: number
  readonly secretsSeen: number
  readonly drainMs: number
  readonly exits: readonly (number | null)[]
  readonly tookMs: number
}

/** Tight enough that jobs wait for their grants while things are struck. */
const [amount, windowMs] = [120, 4_000]

const mixOf = (jobs: number): Mix => ({
  upload: Math.ceil(jobs * 0.5),
  download: Math.floor(jobs * 0.25),
  image: Math.floor(jobs * 0.15),
  article: Math.floor(jobs * 0.07),
  async: Math.floor(jobs * 0.03),
})

export async function soak(size: Size): Promise<Report> {
  const startedMs = performance.now()
  const next = random(size.seed)
  const redis = await startRedis({ appendonly: true })
  const web = await startWeb()
  const it = await deploy({ redisUrl: redis.url, env: { ...web.env, ...limits(size) } })
  it.simulator.limits.change({
    windows: 'sliding',
    rules: { minute: { on: true, calls: amount, windowMs }, hour: { on: false } },
  })
  for (let n = 1; n <= 4; n++)
    it.simulator.faults.add({
      method: 'media/upload',
      nth: Math.ceil((size.jobs * n) / 12),
      do: 'drop-reply',
    })
  const secrets = [account.secret]
  const processes: NodeProcess[] = []
  const startWorker = async (): Promise<NodeProcess> => {
    const worker = await startWhenRedisIsThere(() => it.startWorker())
    processes.push(worker)
    return worker
  }
  const workers = await Promise.all(Array.from({ length: size.workers }, startWorker))
  const asked = await prepare(it, web, mixOf(size.jobs))
  const seen = new Map<string, string>()
  let recovered = 0
  const producing = (async () => {
    for (const one of asked) {
      recovered += await enqueue(one)
      void it.producer.result(one.id ?? '').then(
        result => seen.set(one.key, JSON.stringify(result)),
        () => undefined,
      )
      await delay(2)
    }
  })()
  const blows: Blow[] = []
  for (const act of plan(size.seed, size.blows)) {
    await delay(200 + 800 * next())
    blows.push(await strike(act, { workers, startWorker, redis, lockMs }, next))
  }
  await producing
  const healedMs = performance.now()
  await until('every job has ended', async () => (await judge(it, asked)).lost.length === 0, {
    withinMs: 120_000,
    everyMs: 500,
  }).catch(() => undefined)
  const drainMs = performance.now() - healedMs
  const { duplicated, ...verdict } = await judge(it, asked)
  const log = it.simulator.log()
  for (const worker of workers) worker.signal('SIGTERM')
  const exits = (await Promise.all(workers.map(worker => worker.ended))).map(({ code }) => code)
  return {
    ...size,
    ...verdict,
    recovered,
    acts: countOf(blows.map(({ act }) => act)),
    lostAnswers: log.filter(({ fault }) => fault !== undefined).length,
    duplicates: duplicated,
    unexplained: unexplained(log, blows),
    changed: await changedOf(it.producer.read, asked, seen),
    fullest: fullest(log),
    allowed: amount,
    refused: it.simulator.count({ refused: true }),
    secretsSeen: processes.filter(worker => secrets.some(secret => worker.stderr().includes(secret))).length,
    drainMs: Math.round(drainMs),
    exits,
    tookMs: Math.round(performance.now() - startedMs),
  }
}

const limits = ({ concurrency }: Size) => ({
  WECOM_MEDIA_CONCURRENCY: String(concurrency),
  WECOM_MEDIA_LIMITS: JSON.stringify({
    flightMs: 400,
    all: { rates: { minute: { amount, windowMs }, hour: null, 'ip-minute': null, 'ip-hour': null } },
  }),
})

/** A supervisor starts a worker again that found no Redis. */
async function startWhenRedisIsThere(start: () => Promise<NodeProcess>): Promise<NodeProcess> {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (tries === 5) throw error
      await delay(300)
    }
  }
}

const countOf = (acts: readonly Act[]) =>
  Object.fromEntries([...new Set(acts)].map(act => [act, acts.filter(each => each === act).length]))

/** After an answer a worker still has to write it down; so long it may be under way in a process, ms. */
const writingMs = 1_000

/**
 * All but the last accepted call of a content must have been under way when something struck, or have lost its answer.
 * A blow lasts for the life of a lock: until then nobody knows better.
 */
function unexplained(log: readonly CallEntry[], blows: readonly Blow[]): string[] {
  const calls = new Map<string, CallEntry[]>()
  for (const call of log) {
    if (call.sha256 === undefined || (call.mediaId ?? call.url) === undefined) continue
    calls.set(call.sha256, [...(calls.get(call.sha256) ?? []), call])
  }
  const struck = ({ atMs, endedAtMs = Number.POSITIVE_INFINITY }: CallEntry): boolean =>
    blows.some(({ fromMs, toMs }) => atMs <= toMs + lockMs && endedAtMs + writingMs >= fromMs)
  return [...calls]
    .filter(([, all]) => all.slice(0, -1).some(call => call.fault === undefined && !struck(call)))
    .map(([content, all]) => `${all[0]?.filename ?? content} × ${all.length}`)
}

/** The most arrivals of one method within a window, by the simulator's monotonic clock. */
function fullest(log: readonly CallEntry[]): number {
  let most = 0
  for (const method of new Set(log.map(call => call.method))) {
    const times = log.filter(call => call.method === method).map(({ monotonicMs }) => monotonicMs)
    for (let first = 0, last = 0; last < times.length; last++) {
      while ((times[last] ?? 0) - (times[first] ?? 0) >= windowMs) first += 1
      most = Math.max(most, last - first + 1)
    }
  }
  return most
}

async function changedOf(
  read: (id: string) => Promise<{ readonly result?: unknown } | undefined>,
  asked: readonly Asked[],
  seen: ReadonlyMap<string, string>,
): Promise<string[]> {
  const changed: string[] = []
  for (const { id = '', key } of asked) {
    const first = seen.get(key)
    if (first !== undefined && JSON.stringify((await read(id))?.result) !== first) changed.push(key)
  }
  return changed
}
