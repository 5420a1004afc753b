/** wait: from asking the producer to the arrival at the platform, when nothing else is to do and near the limit. */

import { setTimeout as sleep } from 'node:timers/promises'
import { median, quantile, type Row } from './rows.ts'
import { openStage, type Stage } from './stage.ts'

export interface Size {
  readonly rounds: number
  readonly idleJobs: number
  readonly busySeconds: number
}

const against = 'a bare BullMQ worker without limits, under the same arrivals'
const gapMs = 20
/** A limit of 100 a second, and 80 % of it. */
const limit = { amount: 6_000, perSecond: 80 }

/** Enqueues one after another with gaps at random; answers how long each was under way, ms. */
async function waits(
  { stub }: Stage,
  { count, meanGapMs }: { readonly count: number; readonly meanGapMs: number },
  enqueue: (n: number) => Promise<unknown>,
): Promise<number[]> {
  await stub.ask('reset')
  const askedMs: number[] = []
  const pending: Promise<unknown>[] = []
  const startMs = performance.now()
  let dueMs = 0
  for (let n = 0; n < count; n += 1) {
    dueMs += -Math.log(1 - Math.random()) * meanGapMs
    await sleep(Math.max(0, dueMs - (performance.now() - startMs)))
    askedMs.push(performance.timeOrigin + performance.now())
    pending.push(enqueue(n))
  }
  await Promise.all(pending)
  await stub.ask('awaited', count)
  const arrivals = await stub.ask<{ name: number; atMs: number }[]>('arrivals')
  return arrivals.map(({ name, atMs }) => atMs - (askedMs[name] ?? Number.NaN))
}

export async function wait({ rounds, idleJobs, busySeconds }: Size): Promise<Row[]> {
  const stage = await openStage()
  try {
    const idle = { count: idleJobs, meanGapMs: gapMs }
    const busy = { count: busySeconds * limit.perSecond, meanGapMs: 1_000 / limit.perSecond }
    const limits = { minute: { amount: limit.amount }, hour: null, 'ip-minute': null, 'ip-hour': null }
    return [
      await compare(stage, rounds, idle, { key: 'wait-idle', what: 'enqueue to arrival, idle' }, {}),
      await compare(
        stage,
        rounds,
        busy,
        { key: 'wait-busy', what: `the same at ${limit.perSecond} % of a limit of 100 a second` },
        { WECOM_MEDIA_LIMITS: JSON.stringify({ methods: { 'media/upload': { rates: limits } } }) },
      ),
    ]
  } finally {
    await stage.stop()
  }
}

async function compare(
  stage: Stage,
  rounds: number,
  load: { readonly count: number; readonly meanGapMs: number },
  named: Pick<Row, 'key' | 'what'>,
  env: Readonly<Record<string, string>>,
): Promise<Row> {
  const path = (await stage.files(1, 4_096))(0)
  const [ours, bare] = [await stage.startOurs(env), await stage.startBare()]
  const upload = (n: number) =>
    stage.producer.upload({ type: 'file', source: { path }, name: `${n}.bin`, reuse: 'never' })
  const add = (n: number) =>
    stage.bareQueue.add('upload', { path, name: `${n}.bin` }, { removeOnComplete: true })
  const all: { ours: number[]; other: number[] } = { ours: [], other: [] }
  const runs: { ours: number; other: number }[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const other = await waits(stage, load, add)
    const mine = await waits(stage, load, upload)
    if (round === 0) continue
    runs.push({ ours: median(mine), other: median(other) })
    all.ours.push(...mine)
    all.other.push(...other)
  }
  await Promise.all([ours.stop(), bare.stop()])
  const [p50, p99] = [quantile(all.ours, 0.5), quantile(all.ours, 0.99)]
  const other = quantile(all.other, 0.5)
  return {
    ...{ ...named, line: 'wait', against, unit: 'ms (median)', ours: p50, other, runs },
    ratio: median(runs.map(run => run.ours / run.other)),
    ...(named.key === 'wait-idle' && {
      bars: [{ of: 'p50', most: 10 } as const, { of: 'p99', most: 50 } as const],
    }),
    more: { p50, p99, otherP99: quantile(all.other, 0.99), samples: all.ours.length },
  }
}
