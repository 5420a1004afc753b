/** transfer: MB/s of large files in both directions against curl's own time, and memory with one and with many at once. */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Child } from './children.ts'
import { type CurlTime, curlDownload, curlUpload } from './curl.ts'
import { inTurn, median, type Row, rowOf } from './rows.ts'
import { each, openStage, type Stage } from './stage.ts'

export interface Size {
  readonly rounds: number
  readonly uploadBytes: number
  readonly uploads: number
  readonly downloadBytes: number
  /** Of each connection where it is throttled, bytes a second. */
  readonly throttled: number
  /** Transfers at once when memory is measured. */
  readonly crowd: number
}

const megabyte = 1_000_000
const against = 'curl by its own time_total, the same file, one at a time'

/** MB/s and CPU of one side. */
interface Speed {
  readonly perSecond: number
  readonly cpuMsPerMB: number
}

const speedOf = (bytes: number, ms: number, cpuMs: number): Speed => ({
  perSecond: bytes / megabyte / (ms / 1_000),
  cpuMsPerMB: cpuMs / (bytes / megabyte),
})

/** Of `work`, which answers how long it took by its own clock. */
async function timed(child: Child, bytes: number, work: () => Promise<number>): Promise<Speed> {
  const before = await child.ask<number>('cpu')
  const ms = await work()
  return speedOf(bytes, ms, (await child.ask<number>('cpu')) - before)
}

async function curlTimes(bytes: number, times: number, one: () => Promise<CurlTime>): Promise<Speed> {
  let [ms, cpuMs] = [0, 0]
  for (let n = 0; n < times; n += 1) {
    const time = await one()
    ms += time.ms
    cpuMs += time.cpuMs
  }
  return speedOf(bytes * times, ms, cpuMs)
}

/** From letting the queue go to the last result. */
async function jobsMs(
  { producer }: Stage,
  enqueue: () => Promise<readonly { readonly id: string }[]>,
): Promise<number> {
  const startMs = performance.now()
  const jobs = await enqueue()
  await Promise.all(jobs.map(({ id }) => producer.result(id, { timeoutMs: 300_000 })))
  return performance.now() - startMs
}

type Named = Pick<Row, 'key' | 'what'> & { readonly least: number }

async function compare(
  rounds: number,
  { least, ...named }: Named,
  ours: () => Promise<Speed>,
  curl: () => Promise<Speed>,
): Promise<Row> {
  const cpu: { ours: number[]; other: number[] } = { ours: [], other: [] }
  const kept = async (into: number[], speed: Promise<Speed>) => {
    into.push((await speed).cpuMsPerMB)
    return (await speed).perSecond
  }
  const runs = await inTurn(
    rounds,
    () => kept(cpu.ours, ours()),
    () => kept(cpu.other, curl()),
  )
  const common = { line: 'transfer', against, unit: 'MB/s', bars: [{ of: 'ratio', least }] } as const
  const more = { cpuMsPerMB: median(cpu.ours.slice(1)), otherCpuMsPerMB: median(cpu.other.slice(1)) }
  return { ...rowOf({ ...named, ...common }, runs), more }
}

export async function transfer(size: Size): Promise<Row[]> {
  const stage = await openStage()
  try {
    const slices = { WECOM_MEDIA_CONCURRENCY: '1' }
    const ours = await stage.startOurs(slices)
    const client = await stage.startClient()
    const rows = [
      ...(await uploads(stage, size, ours, client)),
      ...(await downloads(stage, size, ours, client)),
    ]
    // Or it would take jobs that are meant for others.
    await ours.stop()
    return [...rows, await throttled(stage, size), await memory(stage, size)]
  } finally {
    await stage.stop()
  }
}

async function uploads(stage: Stage, size: Size, ours: Child, client: Child): Promise<Row[]> {
  const { rounds, uploadBytes, uploads } = size
  const path = (await stage.files(1, uploadBytes))(0)
  const mb = `${uploadBytes / megabyte} MB`
  const bytes = uploadBytes * uploads
  const curl = () => curlTimes(uploadBytes, uploads, () => curlUpload(stage.baseUrl, path))
  let used = 0
  // Another name is another file to the ledger.
  const upload = (reuse: 'allow' | 'never') =>
    stage.producer.upload({ type: 'file', source: { path }, name: `${used++}.bin`, reuse })
  const jobs = (reuse: 'allow' | 'never') => () =>
    timed(ours, bytes, () =>
      jobsMs(stage, () => Promise.all(Array.from({ length: uploads }, () => upload(reuse)))),
    )
  return [
    await compare(
      rounds,
      { key: 'upload-bare', what: `uploads of ${mb}, the client alone, no hashing`, least: 0.9 },
      () => timed(client, bytes, () => client.ask('upload', { path, times: uploads })),
      curl,
    ),
    await compare(
      rounds,
      { key: 'upload', what: `uploads of ${mb}, whole jobs, hashed while they are sent`, least: 0.75 },
      jobs('never'),
      curl,
    ),
    await compare(
      rounds,
      { key: 'upload-ledger', what: 'the same, hashed and looked up before they are sent', least: 0.75 },
      jobs('allow'),
      curl,
    ),
  ]
}

async function downloads(stage: Stage, size: Size, ours: Child, client: Child): Promise<Row[]> {
  const { rounds, downloadBytes: sizeBytes } = size
  const mb = `${sizeBytes / megabyte} MB`
  const curl = () => curlTimes(sizeBytes, 1, () => curlDownload(stage.baseUrl, sizeBytes, stage.folder))
  return [
    await compare(
      rounds,
      {
        key: 'download-bare',
        what: `a download of ${mb} in slices of 8 MiB, neither hashed nor synced`,
        least: 0.9,
      },
      () => timed(client, sizeBytes, () => client.ask('download', { sizeBytes })),
      curl,
    ),
    await compare(
      rounds,
      {
        key: 'download',
        what: `a download of ${mb}, a whole job, each slice hashed, synced and listed`,
        least: 0.75,
      },
      () => timed(ours, sizeBytes, () => downloadJob(stage, sizeBytes)),
      curl,
    ),
  ]
}

async function downloadJob(stage: Stage, sizeBytes: number): Promise<number> {
  const ms = await jobsMs(stage, async () => [
    await stage.producer.download({ mediaId: `size-${sizeBytes}` }),
  ])
  const folder = join(stage.folder, 'downloads')
  for (const name of await readdir(folder)) await rm(join(folder, name))
  return ms
}

/** Where the other end gives each connection little, parallel slices get more; see WECOM_MEDIA_PARALLEL_SLICES. */
async function throttled(stage: Stage, { rounds, downloadBytes: sizeBytes, throttled }: Size): Promise<Row> {
  const ours = await stage.startOurs({ WECOM_MEDIA_PARALLEL_SLICES: '4', WECOM_MEDIA_CONCURRENCY: '1' })
  await stage.stub.ask('reset', { bytesPerSecond: throttled })
  const what = `the same where each connection gets ${throttled / megabyte} MB/s, 4 slices at once`
  const row = await compare(
    rounds,
    { key: 'download-throttled', what, least: 3 },
    () => timed(ours, sizeBytes, () => downloadJob(stage, sizeBytes)),
    () => curlTimes(sizeBytes, 1, () => curlDownload(stage.baseUrl, sizeBytes, stage.folder)),
  )
  await ours.stop()
  await stage.stub.ask('reset')
  return row
}

/** Peak of resident memory over that of the idle process. */
async function memory(stage: Stage, { uploadBytes, crowd }: Size): Promise<Row> {
  const path = (await stage.files(1, uploadBytes))(0)
  const peakOf = async (count: number): Promise<{ idle: number; peak: number }> => {
    const worker = await stage.startOurs({ WECOM_MEDIA_CONCURRENCY: String(crowd) })
    const idle = await worker.ask<number>('peak')
    await jobsMs(stage, async () => {
      const jobs: { id: string }[] = []
      await each(count, count, async n =>
        jobs.push(
          await stage.producer.upload({ type: 'file', source: { path }, name: `${n}.bin`, reuse: 'never' }),
        ),
      )
      return jobs
    })
    const peak = await worker.ask<number>('peak')
    await worker.stop()
    return { idle, peak }
  }
  const [one, many] = [await peakOf(1), await peakOf(crowd)]
  const named = { key: 'memory', line: 'transfer', unit: 'MiB' } as const
  const what = `peak memory of ${crowd} uploads of ${uploadBytes / megabyte} MB at once`
  const row = rowOf({ ...named, what, against: 'the same worker, idle' }, [
    { ours: many.peak, other: many.idle },
  ])
  return {
    ...row,
    bars: [{ of: 'extraMiB', most: 64 }],
    more: { extraMiB: many.peak - many.idle, extraMiBWithOne: one.peak - one.idle },
  }
}
