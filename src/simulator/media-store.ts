/** The media the simulator holds, on disk in a folder of its own. A medium is visible to its own corp only. */

import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from './refusal.ts'
import { mediaLifetimeMs } from './rules.ts'
import { seededChunks } from './seeded-bytes.ts'
import type { SettableClock } from './settable-clock.ts'
import { Spool } from './spool.ts'

/** How a medium came: by `media/upload`, asynchronously, from JS-SDK as HD voice, for one scene, from a provider. */
export const mediaKinds = ['temporary', 'async', 'speex', 'attachment', 'provider'] as const

export type MediaKind = (typeof mediaKinds)[number]

export interface Medium {
  readonly mediaId: string
  readonly kind: MediaKind
  readonly corpId: string
  readonly name: string
  readonly contentType: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly createdAtMs: number
  /** Stored encrypted: slices must be multiples of 16 bytes. */
  readonly encrypted: boolean
  /** Sent instead of the usual Content-disposition, as it is. */
  readonly disposition?: string | undefined
  readonly content: { readonly path: string } | { readonly seed: number }
}

/** What `media/uploadimg` made: it has a URL, no id and no end. */
export type PermanentImage = Pick<Medium, 'corpId' | 'contentType' | 'sizeBytes' | 'sha256' | 'content'>

/** Ids as seen: `1` and 43 characters from `media/upload`, `3*1*` and 43 from the asynchronous way. */
const idPrefixOf = (kind: MediaKind): string => (kind === 'async' ? '3*1*' : '1')

export class MediaStore {
  readonly #clock: SettableClock
  readonly #media = new Map<string, Medium>()
  /** By the path of their URL. */
  readonly #images = new Map<string, PermanentImage>()
  #folder: Promise<string> | undefined

  constructor(clock: SettableClock) {
    this.#clock = clock
  }

  /** A new file that keeps at most a little over `capBytes`. */
  async spool(capBytes: number): Promise<Spool> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'wecom-simulator-'))
    return Spool.create(join(await this.#folder, randomUUID()), capBytes)
  }

  put(kind: MediaKind, medium: Omit<Medium, 'mediaId' | 'kind'>): Medium {
    const mediaId = idPrefixOf(kind) + randomBytes(33).toString('base64url').slice(0, 43)
    const kept = { ...medium, kind, mediaId }
    this.#media.set(mediaId, kept)
    return kept
  }

  /** Throws 40007 for an id that is unknown, older than 3 days, or another corp's. */
  find(mediaId: string, corpId: string): Medium {
    const medium = this.#media.get(mediaId)
    const isLiving = medium && this.#clock.nowMs() < medium.createdAtMs + mediaLifetimeMs
    if (!isLiving || medium.corpId !== corpId) throw new Refusal(40007)
    return medium
  }

  /** Answers the path of its URL, in the form of the manual's sample. The same picture again gets another one. */
  putImage(image: PermanentImage): string {
    const id = `${randomInt(10 ** 9, 10 ** 10)}`
    const pathname = `/pic_wework/${id}/${randomBytes(20).toString('hex')}/0`
    this.#images.set(pathname, image)
    return pathname
  }

  findImage(pathname: string): PermanentImage | undefined {
    return this.#images.get(pathname)
  }

  async clear(): Promise<void> {
    this.#media.clear()
    this.#images.clear()
    const folder = await this.#folder
    this.#folder = undefined
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** The bytes of a medium from `startByte` to `endByte`, the end not included. */
export function readMedium(
  { content }: Pick<Medium, 'content'>,
  startByte: number,
  endByte: number,
): Iterable<Buffer> | AsyncIterable<Buffer> {
  if ('seed' in content) return seededChunks(content.seed, startByte, endByte)
  return fileChunks(content.path, startByte, endByte)
}

/** Opens the file when it is first read: an answer that a fault drops must not leave one open. */
async function* fileChunks(path: string, startByte: number, endByte: number): AsyncGenerator<Buffer> {
  if (startByte < endByte) yield* createReadStream(path, { start: startByte, end: endByte - 1 })
}
