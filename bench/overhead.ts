/** overhead: small uploads a second through the whole pipeline, against a bare BullMQ worker that posts the same bodies. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Queue } from 'bullmq'
import type { Child } from './children.ts'
import { inTurn, median, type Row, rowOf } from './rows.ts'
import { each, openStage, redisWork, type Stage } from './stage.ts'

export interface Size {
  readonly rounds: number
  readonly jobs: number
  /** How many corps the jobs are spread over, besides one. */
  readonly corps: readonly number[]
}

const sizeBytes = 4_096
const against = 'a bare BullMQ worker: reads the file, posts the same body, same agent and concurrency (16)'

interface Measured {
  readonly perSecond: number
  readonly cpuMsPerJob: number
  readonly redisCpuMsPerJob: number
  /** Scripts are what goes to Redis and back; what they call inside is in its CPU time. */
  readonly scriptsPerJob: number
}

/** Enqueues while the queue is held, lets go, and measures from the first fifth of the arrivals to the last one. */
async function run(
  { stub, redis }: Stage,
  { queue, worker, jobs }: { readonly queue: Queue; readonly worker: Child; readonly jobs: number },
  enqueue: () => Promise<void>,
): Promise<Measured> {
  await stub.ask('reset')
  await queue.pause()
  await enqueue()
  await redis.config('RESETSTAT')
  const [cpu, redisBefore] = [await worker.ask<number>('cpu'), await redisWork(redis)]
  await queue.resume()
  await stub.ask('awaited', jobs)
  while ((await queue.getActiveCount()) > 0) await new Promise(resolve => setTimeout(resolve, 5))
  const [cpuAfter, redisAfter] = [await worker.ask<number>('cpu'), await redisWork(redis)]
  const arrivals = await stub.ask<{ atMs: number }[]>('arrivals')
  const from = Math.floor(jobs / 5)
  const ms = (arrivals.at(-1)?.atMs ?? 0) - (arrivals[from]?.atMs ?? 0)
  const { evalsha = 0, eval: plain = 0 } = redisAfter.calls
  return {
    perSecond: ((jobs - from - 1) / ms) * 1_000,
    cpuMsPerJob: (cpuAfter - cpu) / jobs,
    redisCpuMsPerJob: (redisAfter.cpuMs - redisBefore.cpuMs) / jobs,
    scriptsPerJob: (evalsha + plain) / jobs,
  }
}

/** Pairs of runs, and what they cost besides time. */
async function compare(
  rounds: number,
  ours: () => Promise<Measured>,
  other: () => Promise<Measured>,
): Promise<Pick<Row, 'runs' | 'more'>> {
  const all: { ours: Measured[]; other: Measured[] } = { ours: [], other: [] }
  const kept = async (into: Measured[], measured: Promise<Measured>) => {
    into.push(await measured)
    return (await measured).perSecond
  }
  const runs = await inTurn(
    rounds,
    () => kept(all.ours, ours()),
    () => kept(all.other, other()),
  )
  const of = (list: readonly Measured[], key: keyof Measured) => median(list.slice(1).map(one => one[key]))
  return {
    runs,
    more: {
      cpuMsPerJob: of(all.ours, 'cpuMsPerJob'),
      otherCpuMsPerJob: of(all.other, 'cpuMsPerJob'),
      redisCpuMsPerJob: of(all.ours, 'redisCpuMsPerJob'),
      otherRedisCpuMsPerJob: of(all.other, 'redisCpuMsPerJob'),
      scriptsPerJob: of(all.ours, 'scriptsPerJob'),
      otherScriptsPerJob: of(all.other, 'scriptsPerJob'),
    },
  }
}

export async function overhead(
  { rounds, jobs, corps }: Size,
  execArgv: readonly string[] = [],
): Promise<Row[]> {
  const stage = await openStage()
  try {
    const most = Math.max(1, ...corps)
    const appsFile = join(stage.folder, 'apps.json')
    await writeFile(appsFile, JSON.stringify(appsOf(most)))
    const pathOf = await stage.files((rounds + 2) * jobs, sizeBytes)
    const ours = await stage.startOurs(
      { WECOM_MEDIA_APPS: appsFile, WECOM_CORP_ID: '', WECOM_CORP_SECRET: '' },
      execArgv,
    )
    const bare = await stage.startBare()
    let used = 0
    const bareRun = () =>
      run(stage, { queue: stage.bareQueue, worker: bare, jobs }, () => addBare(stage.bareQueue, jobs, pathOf))
    const ourRun = (reuse: 'allow' | 'never', spread: number) => () => {
      // Each job its own bytes, or the ledger would answer.
      const first = reuse === 'allow' ? ++used * jobs : 0
      return run(stage, { queue: stage.ourQueue, worker: ours, jobs }, () =>
        each(jobs, 64, n =>
          stage.producer.upload({
            app: `corp${n % spread}`,
            type: 'file',
            source: { path: pathOf(first + n) },
            name: `${n}.bin`,
            reuse,
          }),
        ),
      )
    }
    const bars = [{ of: 'ratio', least: 0.6 }] as const
    const common = { line: 'overhead', unit: 'jobs/s' } as const
    const rows: Row[] = []
    for (const ledger of ['off', 'on'] as const) {
      const { runs, more = {} } = await compare(
        rounds,
        ourRun(ledger === 'on' ? 'allow' : 'never', 1),
        bareRun,
      )
      const what = `uploads of 4 KiB, ledger ${ledger}, 1 corp`
      rows.push({
        ...rowOf({ ...common, key: `overhead-ledger-${ledger}`, what, against, bars }, runs),
        more,
      })
    }
    for (const spread of corps) {
      const { runs } = await compare(rounds, ourRun('never', spread), ourRun('never', 1))
      const what = `the same over ${spread} corps, ledger off`
      const named = { ...common, key: `overhead-corps-${spread}`, what, against: 'ours with 1 corp' }
      rows.push(
        rowOf({ ...named, ...(spread === 1_000 && { bars: [{ of: 'ratio', least: 0.9 }] as const }) }, runs),
      )
    }
    return rows
  } finally {
    await stage.stop()
  }
}

const appsOf = (count: number) => ({
  apps: Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `corp${n}`,
      { corpId: `ww_bench_${n}`, secret: `bench-secret-of-no-value-${n}` },
    ]),
  ),
})

async function addBare(queue: Queue, jobs: number, pathOf: (index: number) => string): Promise<void> {
  // What our jobs are kept for, too.
  const opts = { removeOnComplete: { age: 24 * 3_600, count: 5_000 } }
  const all = Array.from({ length: jobs }, (_, n) => ({
    name: 'upload',
    data: { path: pathOf(n), name: `${n}.bin` },
    opts,
  }))
  for (let at = 0; at < jobs; at += 500) await queue.addBulk(all.slice(at, at + 500))
}
