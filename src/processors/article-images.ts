/**
 * The walk over an article's images. What a call brought is kept in the record at once, so that a later attempt goes on
 * behind it: nothing that was answered is called again, and no unit of the quota is spent twice.
 */

import { Fault, type FaultReport, type Kind } from '../fault.ts'
import type { FileRef } from '../files/file.ts'
import { sha256 } from '../files/fingerprint.ts'
import { nameOfSrc } from '../files/image-src.ts'
import type { Subject } from '../ledger/index.ts'
import type { Payload, Result } from '../queues/jobs.ts'
import { type LoadedImage, load, resolve } from './article-source.ts'
import type { JobContext, Resources } from './context.ts'
import { followed, known } from './reuse.ts'
import { withUnit } from './units.ts'

export type ArticleImage = Result<'media.article'>['images'][number]

export interface Article {
  readonly payload: Payload<'media.article'>
  readonly context: JobContext
  readonly resources: Resources
  /** Where the document was, if it did not come in the payload. */
  readonly base: FileRef | undefined
}

interface Walk extends Article {
  /** Bytes that have a URL already, by their hash. */
  readonly urls: Map<string, string>
  /** Options of the next call. */
  writing(): JobContext['writing']
}

/** One entry for each of `srcs`. Faults: those of calls; of an image, which then is named, with `onFailure: 'fail'`. */
export async function makePermanent(srcs: readonly string[], article: Article): Promise<ArticleImage[]> {
  const { context } = article
  const walk = { ...article, urls: urlsIn(context.steps), writing: callOptions(context) }
  const images: ArticleImage[] = []
  let away: Fault | undefined
  for (const src of srcs) {
    context.signal.throwIfAborted()
    const image = await visit(src, walk)
    // The others need not wait for it: the next attempt finds them done.
    if (image instanceof Fault) away ??= image
    else images.push(image)
  }
  if (away) throw away
  return images
}

/** A call after the first waits in its place so long, ms: longer waits leave the place to others. */
const patienceMs = 5_000

/** The first call takes the grant that the job has waited for; those after it go ahead of jobs that have not begun. */
function callOptions({ writing }: JobContext): Walk['writing'] {
  const first = [writing]
  return () => first.pop() ?? { ...writing, booking: undefined, urgent: true, patienceMs }
}

/** What the record keeps of an image: what it became, or why the platform refused it. */
type Kept =
  | { readonly url: string; readonly sha256: string; readonly sizeBytes: number; readonly reused?: true }
  | { readonly fault: FaultReport }

function urlsIn(steps: JobContext['steps']): Map<string, string> {
  const kept = [...steps.values()].map(({ value }) => value as Kept)
  return new Map(kept.flatMap(step => ('url' in step ? [[step.sha256, step.url] as const] : [])))
}

const keyOf = (src: string): string => sha256().update(src).digest('hex').slice(0, 16)

/**
 * Of this asking only: whoever asks again has mended something, so every image is looked at anew. Bytes that have their
 * URL already are known by their hash, and cost nothing.
 */
const stepOf = (src: string, { attempt }: JobContext): string => `image:${attempt.openedAtMs}:${keyOf(src)}`

const entry = (src: string, kept: Kept): ArticleImage =>
  'fault' in kept
    ? { src, as: 'kept', fault: kept.fault }
    : { src, as: kept.reused ? 'reused' : 'uploaded', url: kept.url, sizeBytes: kept.sizeBytes }

/** A fault as the answer: the source is away for now, to be tried again. */
async function visit(src: string, walk: Walk): Promise<ArticleImage | Fault> {
  const { context, resources, base, urls } = walk
  const kept = context.steps.get(stepOf(src, context))
  if (kept) return entry(src, kept.value as Kept)
  const found = resolve(src, base)
  if (found.as === 'permanent') return { src, as: 'permanent' }
  const early = await followedImage(src, walk)
  if (early) return early
  let image: LoadedImage
  try {
    image = await load(found, context, resources)
  } catch (error) {
    return withoutSource(src, error, walk)
  }
  const { sizeBytes } = image
  const url = urls.get(image.sha256)
  if (url !== undefined) return { src, as: 'repeated', url, sizeBytes }
  return (
    (await reused(src, image, walk)) ?? upload(src, image, walk).catch(error => refused(src, error, walk))
  )
}

type Bytes = Pick<LoadedImage, 'sha256' | 'sizeBytes'>

const subjectOf = ({ sha256 }: Bytes, { payload, resources }: Walk): Subject => ({
  ...{ as: 'image', corp: resources.corpOf(payload.app), sha256 },
})

/** One that another job was uploading at the last look: its bytes are known, and need not be fetched to ask again. */
async function followedImage(src: string, walk: Walk): Promise<ArticleImage | undefined> {
  const before = followed(walk.context, keyOf(src))
  return before && reused(src, before.value as Bytes, walk)
}

/** What another job has brought; undefined when this one is to. */
async function reused(
  src: string,
  { sha256, sizeBytes }: Bytes,
  walk: Walk,
): Promise<ArticleImage | undefined> {
  const { payload, context, resources, urls } = walk
  const bytes = { sha256, sizeBytes }
  const found = await known(subjectOf(bytes, walk), payload, context, resources, bytes, keyOf(src))
  if (!found) return undefined
  const url = found.value
  await context.keep(stepOf(src, context), { url, sha256, sizeBytes, reused: true })
  urls.set(sha256, url)
  return { src, as: 'reused', url, sizeBytes }
}

async function upload(src: string, image: LoadedImage, walk: Walk): Promise<ArticleImage> {
  const { payload, context, resources, urls } = walk
  const { sha256, sizeBytes } = image
  const { ledger } = resources
  const client = resources.client(payload.app)
  const subject = subjectOf(image, walk)
  const { url } = await withUnit(payload, context, resources, walk.writing(), writing =>
    client.uploadImage(image, writing),
  ).catch(async error => {
    // Whoever waits for it must not wait for the whole article; nor may two articles wait for each other.
    context.wake(await ledger.release(subject, context.claimant).catch(() => []))
    throw error
  })
  const createdAtMs = context.attempt.nowMs()
  const write = ledger.write(subject, { value: url, createdAtMs, sizeBytes, job: context.id })
  const { step } = await context.keep(stepOf(src, context), { url, sha256, sizeBytes }, { write })
  // Another attempt's may have come first: its URL is the one that the article shows.
  const kept = step.value as Kept
  if ('url' in kept) urls.set(kept.sha256, kept.url)
  return entry(src, kept)
}

/** Something is wrong with this one image. All other kinds are about the job, the app, or the moment. */
const kindsOfImage: ReadonlySet<Kind> = new Set<Kind>([
  ...(['gone', 'rejected', 'invalid', 'too-big', 'wrong-type', 'forbidden-address', 'not-found'] as const),
])

/** With `onFailure: 'keep'`, a source that is away in so many attempts is given up; the job has three more. */
const triesOfSource = 5

async function withoutSource(src: string, error: unknown, walk: Walk): Promise<ArticleImage | Fault> {
  const { payload, context } = walk
  context.signal.throwIfAborted()
  if (!(error instanceof Fault)) throw error
  const fault = named(src, error)
  if (payload.onFailure === 'fail') throw fault
  const kept = { fault: fault.report() }
  // A path that nobody allowed, or that this process may not read, is about the image, too.
  if (kindsOfImage.has(fault.kind) || fault.kind === 'config') return entry(src, kept)
  if (fault.kind !== 'transient') throw fault
  const prefix = `away:${context.attempt.openedAtMs}:${keyOf(src)}:`
  const tries = 1 + [...context.steps.keys()].filter(name => name.startsWith(prefix)).length
  if (tries >= triesOfSource) return entry(src, kept)
  await context.keep(`${prefix}${tries}`, kept)
  return fault
}

async function refused(src: string, error: unknown, walk: Walk): Promise<ArticleImage> {
  const { payload, context } = walk
  context.signal.throwIfAborted()
  if (!(error instanceof Fault) || !kindsOfImage.has(error.kind)) throw error
  const fault = named(src, error)
  if (payload.onFailure === 'fail') throw fault
  const kept = { fault: fault.report() }
  // The platform counts calls that it refuses, too: one is enough.
  await context.keep(stepOf(src, context), kept)
  return entry(src, kept)
}

const named = (src: string, cause: Fault): Fault => {
  const { kind, message, errcode, waitMs } = cause
  return new Fault(kind, `${nameOfSrc(src)}: ${message}`, {
    cause,
    ...(errcode !== undefined && { errcode }),
    ...(waitMs !== undefined && { waitMs }),
  })
}
