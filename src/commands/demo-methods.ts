/** The second half of the demo: the other ways of the platform, one after the other, so that the calls of each can be counted. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobName, Result } from '../queues/jobs.ts'
import type { Job } from '../queues/producer.ts'
import { timed } from './demo-files.ts'
import { account, files, type Stage } from './demo-stage.ts'
import type { MethodRow } from './demo-table.ts'

type Way = (stage: Stage, signal: AbortSignal) => Promise<MethodRow>

export async function otherWays(stage: Stage, signal: AbortSignal): Promise<MethodRow[]> {
  const rows: MethodRow[] = []
  for (const way of [hdVoice, permanentImage, article, wokenUp, foundByLooking])
    rows.push(await way(stage, signal))
  return rows
}

/** A job's result, how long it took, and how many calls the platform saw meanwhile, those for tokens left out. */
async function measured<N extends JobName>(
  { simulator, producer }: Stage,
  signal: AbortSignal,
  enqueue: () => Promise<Job<N>>,
): Promise<{ readonly result: Result<N>; readonly ms: number; readonly calls: number }> {
  const count = () => simulator.count(({ method }) => method !== 'gettoken')
  const before = count()
  const { value: result, ms } = await timed(async () => producer.result(await enqueue(), { signal }))
  return { result, ms, calls: count() - before }
}

const contentOf = (name: string): Promise<Buffer> => readFile(join(files, name))
const fetched = async (url: string): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer())

const frameBytes = 60
const frameMs = 20

const hdVoice: Way = async (stage, signal) => {
  const from = 'voice-hd.speex'
  const frames = await contentOf(from)
  const medium = { kind: 'speex', corpId: account.corpId, contentBase64: frames.toString('base64') } as const
  const { mediaId } = await stage.simulator.addMedia(medium)
  const enqueue = () => stage.producer.download({ mediaId, voice: 'speex' })
  const { result, ms, calls } = await measured(stage, signal, enqueue)
  const { path, durationMs = 0 } = result
  const isOgg = (await readFile(path)).subarray(0, 4).toString() === 'OggS'
  const isRight = isOgg && path.endsWith('.spx') && durationMs === (frames.length / frameBytes) * frameMs
  return { what: 'HD voice', from, gives: `.spx of ${durationMs / 1_000} s`, calls, ms, isRight }
}

const permanentImage: Way = async (stage, signal) => {
  const from = 'photo.jpg'
  const enqueue = () => stage.producer.uploadImage({ source: { path: from } })
  const { result, ms, calls } = await measured(stage, signal, enqueue)
  const isRight = (await fetched(result.url)).equals(await contentOf(from)) && calls === 1
  return { what: 'permanent image', from, gives: shortened(result.url), calls, ms, isRight }
}

/** A path, a data URI, and the path again: the same bytes are sent once. */
const article: Way = async (stage, signal) => {
  const from = 'article.html'
  const enqueue = () => stage.producer.article({ source: { path: from } })
  const { result, ms, calls } = await measured(stage, signal, enqueue)
  const { images, path = '' } = result
  const html = await readFile(path, 'utf8')
  const isRewritten = images.every(({ url }) => url !== undefined && html.includes(url))
  const isRight = isRewritten && !/logo\.png|data:/.test(html) && images.length === 3 && calls === 2
  return { what: 'article', from, gives: `HTML with ${images.length} URLs`, calls, ms, isRight }
}

const asyncUpload = async (
  stage: Stage,
  signal: AbortSignal,
  { type, from, how }: { readonly type: 'video' | 'file'; readonly from: string; readonly how: string },
): Promise<MethodRow> => {
  const { origin, producer, simulator } = stage
  const enqueue = () => producer.asyncUpload({ type, name: from, url: origin.urlOf(from) })
  const { result, ms, calls } = await measured(stage, signal, enqueue)
  // Its end is told once for each.
  const ends = { event: 'upload_media_job_finish' }
  const deliveries = await simulator.waitForDelivery(ends, { count: simulator.jobs().length, signal })
  const { mediaId } = result
  const { path } = await producer.result(await producer.download({ mediaId }), { signal })
  const isSame = (await readFile(path)).equals(await contentOf(from))
  const isCalledBack = how === 'callback'
  const isTold = deliveries.at(-1)?.outcome === (isCalledBack ? 'received' : 'dropped')
  // Without its callback the first look comes after 2 s.
  const isRight = isSame && isTold && ms < 1_900 === isCalledBack
  return { what: `async upload, by ${how}`, from, gives: shortened(mediaId), calls, ms, isRight }
}

const wokenUp: Way = (stage, signal) =>
  asyncUpload(stage, signal, { type: 'video', from: 'clip.mp4', how: 'callback' })

const foundByLooking: Way = (stage, signal) => {
  stage.simulator.callbackFaults.add({ event: 'upload_media_job_finish', do: 'drop' })
  return asyncUpload(stage, signal, { type: 'file', from: '季度报告.pdf', how: 'polling' })
}

const shortened = (text: string): string => `${text.slice(0, 24)}…`
