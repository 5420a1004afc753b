/** Jobs of every kind, each with bytes of its own, and a judge who compares what was asked with what the simulator's log and the folders say. */

import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault, type JobName, type JobRecord } from '../../src/index.ts'
import type { Deployment } from './deployment.ts'
import { type FileOrigin, startFileOrigin } from './file-origin.ts'

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Of a small picture: what the platform takes as a permanent image. */
const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(600)])

export interface Asked {
  readonly name: JobName
  readonly key: string
  /** SHA-256 of every content that must arrive at the platform, or in the folder of downloads; of an async upload its name. */
  readonly contents: readonly string[]
  /** Enqueues it; the same key again is the same job. */
  ask(): Promise<string>
  /** Set once the producer has answered. */
  id?: string
}

type Made = Pick<Asked, 'name' | 'contents'> & { ask(key: string): Promise<string> }

export type Mix = Readonly<Record<'upload' | 'download' | 'image' | 'article' | 'async', number>>

export interface Web {
  readonly files: FileOrigin
  readonly env: Readonly<Record<string, string>>
}

/** Where sources behind URLs lie, and the settings of workers that may go there. */
export async function startWeb(): Promise<Web> {
  const files = await startFileOrigin()
  const env = {
    WECOM_MEDIA_URLS: '127.0.0.1',
    WECOM_MEDIA_URL_PORTS: String(files.port),
    WECOM_MEDIA_URL_NETS: '127.0.0.1/32',
  }
  return { files, env }
}

/** What can be asked, in a mixed order; nothing is enqueued yet. */
export async function prepare(it: Deployment, { files }: Web, mix: Mix): Promise<Asked[]> {
  const { producer, simulator, put } = it
  const makers: Record<keyof Mix, (n: number) => Promise<Made>> = {
    async upload(n) {
      const content = randomBytes(2_000 + (n % 7) * 20_000)
      const source = { path: await put(`upload-${n}.bin`, content) }
      const ask = async (key: string) => (await producer.upload({ type: 'file', source }, { key })).id
      return { name: 'media.upload', contents: [sha256Of(content)], ask }
    },
    async download(n) {
      const medium = await simulator.addMedia({ sizeBytes: 50_000 + n, name: `d${n}.bin` })
      const ask = async (key: string) => (await producer.download({ mediaId: medium.mediaId }, { key })).id
      return { name: 'media.download', contents: [medium.sha256], ask }
    },
    async image(n) {
      const content = png()
      const source = { path: await put(`image-${n}.png`, content) }
      const ask = async (key: string) => (await producer.uploadImage({ source }, { key })).id
      return { name: 'media.upload-image', contents: [sha256Of(content)], ask }
    },
    async article(n) {
      const images = [png(), png()]
      for (const [i, image] of images.entries()) await put(`article-${n}-${i}.png`, image)
      const html = images.map((_, i) => `<p><img src="article-${n}-${i}.png"></p>`).join('')
      const source = { path: await put(`article-${n}.html`, html) }
      const ask = async (key: string) => (await producer.article({ source }, { key })).id
      return { name: 'media.article', contents: images.map(sha256Of), ask }
    },
    async async(n) {
      const content = randomBytes(100_000 + n)
      const url = files.put(`/async-${n}.bin`, content)
      const payload = { type: 'file', url, name: `async-${n}.bin` } as const
      const ask = async (key: string) => (await producer.asyncUpload(payload, { key })).id
      return { name: 'media.async-upload', contents: [payload.name], ask }
    },
  }
  const asked: Asked[] = []
  for (const [kind, count] of Object.entries(mix) as [keyof Mix, number][])
    for (let n = 0; n < count; n++) {
      const { ask, ...rest } = await makers[kind](n)
      const key = `${kind}-${n}`
      asked.push({ ...rest, key, ask: () => ask(key) })
    }
  return mixed(asked)
}

/** Neighbours are of different kinds; the same order every time. */
const mixed = (asked: readonly Asked[]): Asked[] =>
  asked
    .map((one, n) => ({ one, at: (n * 7919) % asked.length }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)

/** Enqueues one; while Redis is away it asks again with the same key, as a caller does. Answers 1 when it had to. */
export async function enqueue(one: Asked): Promise<number> {
  for (let again = 0; ; again = 1) {
    try {
      one.id = await one.ask()
      return again
    } catch (error) {
      if (!(error instanceof Fault && error.kind === 'unavailable')) throw error
      await delay(50)
    }
  }
}

export interface Verdict {
  readonly acknowledged: number
  readonly done: number
  /** Ended otherwise, as `kind: message`. */
  readonly failed: readonly string[]
  /** Acknowledged, and without an end. */
  readonly lost: readonly string[]
  /** Contents at the platform that nobody asked for. */
  readonly unexpected: number
  /** Results that the platform did not give for this content, and files whose bytes are others. */
  readonly wrong: readonly string[]
  /** Contents that the platform accepted more than once, less one each. */
  readonly duplicated: number
  /** Partial files that are left. */
  readonly litter: readonly string[]
  readonly tokens: number
}

/** Reads logs, records and folders only. */
export async function judge(it: Deployment, asked: readonly Asked[]): Promise<Verdict> {
  const { producer, simulator, downloads } = it
  const given = new Map<string, Set<string>>()
  let accepted = 0
  const give = (content: string | undefined, answer: string | undefined): void => {
    if (content === undefined || answer === undefined) return
    accepted += 1
    given.set(content, (given.get(content) ?? new Set()).add(answer))
  }
  for (const { method, sha256, mediaId, url, errcode } of simulator.log()) {
    if (errcode === undefined) continue
    if (method === 'media/upload') give(sha256, mediaId)
    if (method === 'media/uploadimg') give(sha256, url)
  }
  for (const { filename, jobId } of simulator.jobs()) give(filename, jobId)
  const wanted = new Set(asked.flatMap(({ contents }) => contents))
  const [lost, failed, wrong]: string[][] = [[], [], []]
  for (const one of asked.filter(({ id }) => id !== undefined)) {
    const record = await producer.read(one.id ?? '')
    if (record?.state === 'failed') failed?.push(`${one.key} ${record.fault?.kind}: ${record.fault?.message}`)
    else if (record?.state !== 'done') lost?.push(`${one.key} ${record?.state}`)
    else if (!(await isRight(one, record, given))) wrong?.push(one.key)
  }
  const acknowledged = asked.filter(({ id }) => id !== undefined).length
  return {
    acknowledged,
    done: acknowledged - (lost?.length ?? 0) - (failed?.length ?? 0),
    failed: failed ?? [],
    lost: lost ?? [],
    unexpected: [...given.keys()].filter(content => !wanted.has(content)).length,
    wrong: wrong ?? [],
    duplicated: accepted - given.size,
    litter: (await readdir(downloads)).filter(name => name.includes('.part')),
    tokens: simulator.count({ method: 'gettoken' }),
  }
}

interface AnyResult {
  readonly mediaId?: string
  readonly url?: string
  readonly path?: string
  readonly images?: readonly { readonly url?: string }[]
}

/** Evidence: what the job shows was given for its bytes, or are its bytes. */
async function isRight(
  { name, contents }: Asked,
  { result }: JobRecord,
  given: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<boolean> {
  const { mediaId = '', url = '', path = '', images = [] } = result as AnyResult
  const [first = ''] = contents
  if (name === 'media.upload') return given.get(first)?.has(mediaId) ?? false
  if (name === 'media.upload-image') return given.get(first)?.has(url) ?? false
  if (name === 'media.download') return sha256Of(await readFile(path)) === first
  if (name === 'media.article')
    return contents.every(content => images.some(image => given.get(content)?.has(image.url ?? '')))
  return mediaId !== '' && given.has(first)
}
