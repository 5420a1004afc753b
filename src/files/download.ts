/** A file of the platform to a folder of ours: in slices, resumable, published whole or not at all. */

import { Fault, type Kind } from '../fault.ts'
import { writingFault } from './disk-fault.ts'
import { resume } from './resume.ts'
import { defaultSliceBytes, isSliceBytes } from './slices.ts'
import { drop, type FetchSlice, type Slice, Transfer, type TransferOptions } from './transfer.ts'

export type { FetchSlice, Slice }

export interface DownloadOptions {
  /** Where the partial file and the result lie; must exist. */
  readonly dir: string
  /** The job's id, 1 to 128 of `A-Za-z0-9_-`: a later call with the same id goes on where this one stopped. */
  readonly id: string
  readonly fetch: FetchSlice
  /** A multiple of 16, at most 20 MiB; default 8 MiB. A resumed download keeps the size it began with. */
  readonly sliceBytes?: number
  /** Slices at a time; default 1, because the platform counts repeated gets of one media_id as concurrency. */
  readonly parallel?: number
  /** Cap on the whole file, enforced while bytes flow; default none. */
  readonly maxBytes?: number
  readonly signal: AbortSignal
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes?: number }) => void
  /** SHA-256 of the whole file; default true. */
  readonly hash?: boolean
  /**
   * Each slice hashed, synced and listed, so that a killed download goes on; default true. No job turns it off: it is here so that
   * bench/ can say what it costs.
   */
  readonly durable?: boolean
}

/** All bytes are on disk under a partial name. End it with `publish` or `discard`. */
export interface Downloaded {
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly sha256?: string
  /** The platform's name: data, never a path. */
  readonly name?: string
  readonly contentType?: string
  /** Of `sizeBytes`, what an earlier attempt had brought. */
  readonly resumedBytes: number
  /**
   * Gives the file its name in `dir` in one step, replacing one of that name, if `mayPublish` does not throw;
   * answers the absolute path. After a failure a later `download` goes on from the slices.
   */
  publish(fileName: string, mayPublish: () => Promise<void>): Promise<string>
  discard(): Promise<void>
}

/** Nobody will come again for these bytes. */
const finalKinds: ReadonlySet<Kind> = new Set([
  'gone',
  'rejected',
  'invalid',
  'too-big',
  'not-found',
  'cancelled',
  'expired',
])

const isFinal = (error: unknown): boolean => error instanceof Fault && finalKinds.has(error.kind)

const settled = (options: DownloadOptions): TransferOptions => {
  const {
    sliceBytes = defaultSliceBytes,
    parallel = 1,
    maxBytes = Number.MAX_SAFE_INTEGER,
    hash = true,
    durable = true,
  } = options
  if (!isSliceBytes(sliceBytes))
    throw new Fault(
      'config',
      `a slice of ${sliceBytes} bytes is not possible: a multiple of 16, at most 20971520`,
    )
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new Fault('config', `${parallel} slices at a time are not possible: 1 or more`)
  const { dir, id, fetch, signal, onProgress } = options
  const report = (doneBytes: number, totalBytes: number | undefined): void =>
    onProgress?.(totalBytes === undefined ? { doneBytes } : { doneBytes, totalBytes })
  return { dir, id, fetch, sliceBytes, parallel, maxBytes, hash, durable, signal, onProgress: report }
}

const begin = async (options: TransferOptions): Promise<Transfer> => {
  const resumed = await resume(options.dir, options.id, options.signal)
  return resumed === undefined ? Transfer.fresh(options) : new Transfer(options, resumed.partial, resumed)
}

/** Runs one transfer to its end; whatever fails, the partial is left in order. */
const orLeave = async <T>(
  transfer: Transfer,
  options: TransferOptions,
  work: () => Promise<T>,
): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    const reason = options.signal.aborted ? options.signal.reason : error
    await transfer.leave(!isFinal(reason))
    throw reason
  }
}

/** From byte 0 again, in a new partial: slices of two different files never meet in one. */
const beginAgain = async (earlier: Transfer, options: TransferOptions): Promise<Transfer> => {
  await earlier.leave(false)
  return Transfer.fresh(options)
}

const takeWhole = async (earlier: Transfer, slice: Slice, options: TransferOptions): Promise<Transfer> => {
  try {
    const transfer = await beginAgain(earlier, options)
    await orLeave(transfer, options, () => transfer.whole(slice))
    return transfer
  } finally {
    drop(slice)
  }
}

const complete = async (options: TransferOptions): Promise<Transfer> => {
  let transfer = await begin(options)
  for (let changes = 0; ; changes += 1) {
    const finding = await orLeave(transfer, options, () => transfer.slices())
    if (finding === undefined) return transfer
    if ('whole' in finding) return takeWhole(transfer, finding.whole, options)
    if (changes === 1) break
    transfer = await beginAgain(transfer, options)
  }
  await transfer.leave(false)
  throw new Fault('transient', 'the size of the file changed twice while it was downloaded: try later')
}

/**
 * Downloads in slices of fixed offsets, each verified and written before the next is asked for, and synced and listed
 * while that comes; an id that was begun before goes on from the listed slices whose hashes agree. Memory does not grow
 * with the file.
 * Errors: `transient` (cut, garbled, no room: call again), `too-big`, `config` (folder, options), those of `fetch`,
 * and the signal's reason. Source: DESIGN.md §8, notes/wecom-facts.md §3.2.
 */
export const download = async (options: DownloadOptions): Promise<Downloaded> => {
  const plan = settled(options)
  plan.signal.throwIfAborted()
  const transfer = await complete(plan)
  return orLeave(transfer, plan, async () => {
    const { facts, partial, resumedBytes } = transfer
    if (facts === undefined) throw new Fault('transient', 'the download ended without a file: try again')
    const { totalBytes: sizeBytes, sliceBytes: _, ...names } = facts
    const hashed = plan.hash ? { sha256: await transfer.sha256(sizeBytes) } : {}
    return {
      sizeBytes,
      ...hashed,
      ...names,
      resumedBytes,
      publish: (fileName, mayPublish) =>
        partial.publish(fileName, sizeBytes, mayPublish).catch(async error => {
          await transfer.leave(true)
          throw writingFault(error, plan.dir)
        }),
      discard: () => transfer.leave(false),
    }
  })
}
