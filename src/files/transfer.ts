/** The state of one download and its steps: take the first slice, the rest, or a whole body. What a step meets that calls for a new beginning it answers, it does not act on it. */

import { Fault } from '../fault.ts'
import { RunningHash } from './fingerprint.ts'
import { PartialFile } from './partial.ts'
import { type Bytes, receive, tooBig } from './receive.ts'
import type { Resumed } from './resume.ts'
import type { FileFacts, ListedSlice } from './slice-list.ts'
import { type ByteRange, lengthOf, type SliceHead, sliceCount, sliceProblem, sliceRange } from './slices.ts'
import { together } from './together.ts'

/** One answer: a slice, or the whole file where the Range was ignored. */
export interface Slice extends SliceHead, Bytes {
  /** A 200: the body begins at byte 0, whatever was asked. */
  readonly whole: boolean
  readonly name?: string
  readonly contentType?: string
}

/** One call, with its own grant; `end` is inclusive. */
export type FetchSlice = (range: ByteRange, signal: AbortSignal) => Promise<Slice>

export interface TransferOptions {
  readonly dir: string
  readonly id: string
  readonly fetch: FetchSlice
  readonly sliceBytes: number
  readonly parallel: number
  readonly maxBytes: number
  readonly hash: boolean
  readonly durable: boolean
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number, totalBytes: number | undefined) => void
}

/** Met on the way: the total is another one now, or the server sent the whole file after slices had come. */
export type Finding = { readonly changed: true } | { readonly whole: Slice }

const refused = (problem: string): Fault =>
  new Fault('transient', `the answer to a range request has ${problem}: not kept, ask again`)

const factsOf = ({ name, contentType }: Slice, totalBytes: number, sliceBytes: number): FileFacts => ({
  totalBytes,
  sliceBytes,
  ...(name === undefined ? {} : { name }),
  ...(contentType === undefined ? {} : { contentType }),
})

/** Ends a body that is not read on, and with it the connection under it. */
export const drop = ({ body }: Slice): void => {
  body.destroy()
}

export class Transfer {
  readonly partial: PartialFile
  facts: FileFacts | undefined
  readonly resumedBytes: number
  readonly #options: TransferOptions
  readonly #hash: RunningHash
  /** Where slices begin that have come whole. */
  readonly #have: Set<number>
  #listing: Promise<void> = Promise.resolve()
  #doneBytes: number

  constructor(options: TransferOptions, partial: PartialFile, resumed?: Resumed) {
    this.partial = partial
    this.facts = resumed?.facts
    this.#options = options
    this.#hash = resumed?.hash ?? new RunningHash()
    this.#have = new Set(resumed?.slices.map(({ startBytes }) => startBytes))
    this.resumedBytes = resumed?.slices.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) ?? 0
    this.#doneBytes = this.resumedBytes
  }

  static async fresh(options: TransferOptions): Promise<Transfer> {
    return new Transfer(options, await PartialFile.create(options.dir, options.id))
  }

  /** All that is missing: the first slice alone, since it tells the size, then the rest. */
  async slices(): Promise<Finding | undefined> {
    const { sliceBytes, parallel, signal, maxBytes } = this.#options
    if (this.facts === undefined) {
      const finding = await this.#slice(sliceRange(0, sliceBytes), signal)
      if (finding !== undefined) return finding
    }
    const { facts } = this
    if (facts === undefined) return undefined
    if (facts.totalBytes > maxBytes) throw tooBig(maxBytes)
    const all = Array.from({ length: sliceCount(facts.totalBytes, facts.sliceBytes) }, (_, index) =>
      sliceRange(index, facts.sliceBytes, facts.totalBytes),
    )
    const missing = all.filter(({ start }) => !this.#have.has(start))
    const finding = await together(missing, parallel, signal, (asked, own) => this.#slice(asked, own))
    // With a finding this partial is of no use, and what was found has to be let go of.
    if (finding === undefined) await this.#listing
    return finding
  }

  async #slice(asked: ByteRange, signal: AbortSignal): Promise<Finding | undefined> {
    signal.throwIfAborted()
    const slice = await this.#options.fetch(asked, signal)
    // From here on: a body that breaks before anyone reads it must not be an uncaught error.
    slice.body.on('error', () => {})
    if (slice.whole) return { whole: slice }
    try {
      return await this.#accept(asked, slice, signal)
    } finally {
      drop(slice)
    }
  }

  async #accept(asked: ByteRange, slice: Slice, signal: AbortSignal): Promise<Finding | undefined> {
    const { sliceBytes, maxBytes } = this.#options
    const totalBytes = slice.range?.totalBytes
    if (this.facts !== undefined && totalBytes !== undefined && totalBytes !== this.facts.totalBytes)
      return { changed: true }
    const problem = sliceProblem(asked, slice)
    if (problem !== undefined || slice.range === undefined) throw refused(problem ?? 'no Content-Range')
    if (slice.range.totalBytes > maxBytes) throw tooBig(maxBytes)
    if (this.facts === undefined) {
      this.facts = factsOf(slice, slice.range.totalBytes, sliceBytes)
      await this.partial.begin(this.facts)
    }
    await this.#keep(slice.range, slice, signal)
    return undefined
  }

  async #keep(range: ByteRange, bytes: Bytes, signal: AbortSignal): Promise<void> {
    const place = { ...this.#place(range.start), lengthBytes: lengthOf(range) }
    const { lengthBytes, listed, adopt } = await receive(place, bytes, signal)
    adopt()
    this.#have.add(range.start)
    if (listed) await this.#list({ startBytes: range.start, lengthBytes, ...listed })
  }

  /** The disk takes its time while the next slice comes: one is waited for at a time, so that a slow disk slows the rest. */
  #list(slice: ListedSlice): Promise<void> {
    const before = this.#listing
    this.#listing = before.then(() => this.partial.list([slice])).then(() => this.#catchUp())
    this.#listing.catch(() => undefined)
    return before
  }

  /** Ends an attempt that failed, when nothing is written any more: verified slices stay for the successor if it is `resumable`. */
  async leave(resumable: boolean): Promise<void> {
    await this.#listing.catch(() => undefined)
    await this.partial.leave(resumable)
  }

  /** The whole file in one body, into a partial that holds nothing yet. */
  async whole(slice: Slice): Promise<void> {
    const { sliceBytes, maxBytes, signal } = this.#options
    const { framed, lengthBytes } = slice
    if (!framed) throw refused('a body with neither length nor chunks, whose end looks like a cut')
    if (lengthBytes !== undefined && lengthBytes > maxBytes) throw tooBig(maxBytes)
    const place = { ...this.#place(0), ...(lengthBytes === undefined ? {} : { lengthBytes }) }
    const received = await receive(place, slice, signal)
    if (received.lengthBytes === 0) throw refused('an empty body')
    received.adopt()
    this.facts = factsOf(slice, received.lengthBytes, sliceBytes)
  }

  #place(startBytes: number) {
    const { maxBytes, hash, durable, onProgress } = this.#options
    const onBytes = (bytes: number): void => {
      this.#doneBytes += bytes
      onProgress(this.#doneBytes, this.facts?.totalBytes)
    }
    const whole = hash ? { whole: this.#hash } : {}
    return { partial: this.partial, startBytes, maxBytes, durable, onBytes, ...whole }
  }

  /** Slices that came side by side are hashed while others are on their way. */
  async #catchUp(): Promise<void> {
    const { facts } = this
    while (facts && this.#options.hash && this.#have.has(this.#hash.doneBytes))
      await this.#hashTo(Math.min(this.#hash.doneBytes + facts.sliceBytes, facts.totalBytes))
  }

  /** From disk. */
  async #hashTo(endBytes: number): Promise<void> {
    const startBytes = this.#hash.doneBytes
    const branch = this.#hash.branch(startBytes)
    for await (const chunk of this.partial.read(startBytes, endBytes)) {
      this.#options.signal.throwIfAborted()
      branch?.update(chunk)
    }
    this.#hash.adopt(branch, endBytes)
  }

  /** What was not hashed on its way is read from disk. */
  async sha256(totalBytes: number): Promise<string> {
    await this.#hashTo(totalBytes)
    return this.#hash.hex()
  }
}
