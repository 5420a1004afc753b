/** Puts a medium straight into the store, without an upload: any size, any age, either kind. */

import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { BadInput, Input } from './control/input.ts'
import { type MediaKind, type MediaStore, type Medium, mediaKinds } from './media-store.ts'
import { speexFrameBytes } from './rules.ts'
import { seededChunks } from './seeded-bytes.ts'

export interface MediumSpec {
  /** Default: the corp of the first app. */
  readonly corpId?: string | undefined
  /**
   * 'async' gives an id as the asynchronous upload does. 'speex' is HD voice for `media/get/jssdk`: a multiple of 60
   * bytes, its default type voice/speex. Default 'temporary'.
   */
  readonly kind?: MediaKind | undefined
  /** Default 'simulated.bin'. */
  readonly name?: string | undefined
  /** Default application/octet-stream, but see `kind`. */
  readonly contentType?: string | undefined
  /** Slices must be multiples of 16 bytes. Default false. */
  readonly encrypted?: boolean | undefined
  /** By the simulator's clock. Default now. */
  readonly createdAtMs?: number | undefined
  /** Sent instead of the usual Content-disposition, as it is (UTF-8). */
  readonly disposition?: string | undefined
  /** So many bytes of `seededBytes(seed, …)`; or the content itself in base64. */
  readonly sizeBytes?: number | undefined
  /** Default 1. */
  readonly seed?: number | undefined
  readonly contentBase64?: string | undefined
}

export interface AddedMedium {
  readonly mediaId: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly createdAtMs: number
}

const maxSizeBytes = 2 ** 40

/** Throws `BadInput` for a medium that makes no sense. */
export async function addMedium(
  store: MediaStore,
  spec: unknown,
  defaults: { readonly corpId: string; readonly nowMs: number },
): Promise<AddedMedium> {
  const input = Input.from(spec, 'a medium')
  const kind = input.choiceIfAny('kind', mediaKinds) ?? 'temporary'
  const facts = {
    corpId: input.textIfAny('corpId') ?? defaults.corpId,
    name: input.textIfAny('name') ?? 'simulated.bin',
    contentType: input.textIfAny('contentType') ?? defaultTypeOf(kind),
    encrypted: input.flagIfAny('encrypted') ?? false,
    createdAtMs: input.integerIfAny('createdAtMs', 0) ?? defaults.nowMs,
    disposition: input.textIfAny('disposition'),
  }
  const content = await contentOf(store, input, kind === 'speex' ? speexFrameBytes : 1)
  const { mediaId, sizeBytes, sha256, createdAtMs } = store.put(kind, { ...facts, ...content })
  return { mediaId, sizeBytes, sha256, createdAtMs }
}

type StoredContent = Pick<Medium, 'sizeBytes' | 'sha256' | 'content'>

const defaultTypeOf = (kind: MediaKind): string =>
  kind === 'speex' ? 'voice/speex' : 'application/octet-stream'

async function contentOf(store: MediaStore, input: Input, frameBytes: number): Promise<StoredContent> {
  const base64 = input.textIfAny('contentBase64')
  const sizeBytes = input.integerIfAny('sizeBytes', 0, maxSizeBytes)
  const seed = input.integerIfAny('seed', 0)
  input.end()
  if ((base64 === undefined) === (sizeBytes === undefined)) {
    throw new BadInput("a medium: needs either 'sizeBytes' or 'contentBase64'")
  }
  const bytes = base64 === undefined ? undefined : Buffer.from(base64, 'base64')
  if ((bytes?.length ?? sizeBytes ?? 0) % frameBytes !== 0) {
    throw new BadInput(`a medium: this kind comes in frames of ${frameBytes} bytes`)
  }
  return bytes === undefined ? seededContent(seed ?? 1, sizeBytes ?? 0) : storedContent(store, bytes)
}

async function storedContent(store: MediaStore, bytes: Buffer): Promise<StoredContent> {
  const spool = await store.spool(Number.POSITIVE_INFINITY)
  await spool.write(bytes)
  const { sha256 } = await spool.keep()
  return { sizeBytes: bytes.length, sha256, content: { path: spool.path } }
}

async function seededContent(seed: number, sizeBytes: number): Promise<StoredContent> {
  const hash = createHash('sha256')
  for (const chunk of seededChunks(seed, 0, sizeBytes)) {
    hash.update(chunk)
    // Some 100 MB take a moment; calls under way go on.
    await setImmediate()
  }
  return { sizeBytes, sha256: hash.digest('hex'), content: { seed } }
}
