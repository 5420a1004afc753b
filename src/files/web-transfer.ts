/** A whole body from a stranger's server, gone on with after a cut, if the server can prove that it still is the same file. Two versions never meet in one file. */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import {
  assertReadable,
  type Headers,
  isSameVersion,
  lengthIn,
  rangeIn,
  statusFault,
  type Version,
  versionOf,
  type WebAnswer,
} from './web-answer.ts'
import type { Watch } from './web-watch.ts'

/** Takes the bytes in order. */
export interface Sink {
  /** Forgets what came: byte 0 is next. */
  restart(): Promise<void>
  write(chunk: Uint8Array, position: number): Promise<void>
}

export interface TransferOptions {
  /** One exchange, with all its redirects and checks. */
  readonly ask: (headers: Headers) => Promise<WebAnswer>
  readonly sink: Sink
  /** Cap on the whole file, enforced while bytes flow. */
  readonly maxBytes: number
  readonly resumeGapsMs: readonly number[]
  readonly clock: Clock
  readonly watch: Watch
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes?: number }) => void
}

export interface Transferred {
  readonly sizeBytes: number
  readonly headers: Headers
  readonly url: URL
}

type Ending = { readonly done: Transferred } | { readonly cut: Fault } | { readonly changed: string }

const tooBig = (site: string, maxBytes: number): Fault =>
  new Fault('too-big', `the file at ${site} has more than ${maxBytes} bytes: give a smaller one`)

const garbled = (site: string, problem: string): Fault =>
  new Fault('transient', `${site} answers a range request with ${problem}: nothing was kept`)

class WebTransfer {
  readonly #options: TransferOptions
  #doneBytes = 0
  /** Of the file whose first bytes lie in the sink. */
  #version: Version | undefined

  constructor(options: TransferOptions) {
    this.#options = options
  }

  async run(): Promise<Transferred> {
    const { resumeGapsMs, clock, watch } = this.#options
    let cuts = 0
    let changes = 0
    for (;;) {
      const ending = await this.#round()
      if ('done' in ending) return ending.done
      if ('changed' in ending) {
        changes += 1
        this.#version = undefined
        if (changes > 1)
          throw new Fault('transient', `the file at ${ending.changed} changed twice meanwhile: try later`)
        continue
      }
      const gapMs = resumeGapsMs[cuts]
      if (gapMs === undefined) throw ending.cut
      cuts += 1
      watch.expect('nothing')
      await clock.sleep(gapMs, watch.signal)
    }
  }

  async #round(): Promise<Ending> {
    const { ask, watch } = this.#options
    const validator = this.#doneBytes > 0 ? this.#version?.validator : undefined
    const isResume = validator !== undefined
    const answer = await ask(
      isResume ? { range: `bytes=${this.#doneBytes}-`, 'if-range': validator } : {},
    ).catch(this.#unlessCut)
    if (answer instanceof Fault) return { cut: answer }
    try {
      watch.expect('body')
      return await this.#take(answer, isResume)
    } finally {
      answer.drop()
    }
  }

  /** Once bytes have come, a server that is away for a moment is a cut like any other; a wait it asks for is longer. */
  #unlessCut = (error: unknown): Fault => {
    const isCut = error instanceof Fault && error.kind === 'transient' && error.waitMs === undefined
    if (isCut && this.#version !== undefined && !this.#options.watch.signal.aborted) return error
    throw error
  }

  #take(answer: WebAnswer, isResume: boolean): Promise<Ending> | Ending {
    const { status, headers, site } = answer
    if (status === 206 && isResume) return this.#goOn(answer)
    if (status === 416 && isResume) return { changed: site }
    if (status !== 200) return { cut: this.#unlessCut(statusFault(answer, this.#options.clock.nowMs())) }
    const version = versionOf(headers, lengthIn(headers))
    if (isResume && this.#version !== undefined && !isSameVersion(this.#version, version))
      return { changed: site }
    return this.#beginning(answer, version)
  }

  async #goOn(answer: WebAnswer): Promise<Ending> {
    const { headers, site } = answer
    assertReadable(answer)
    const range = rangeIn(headers)
    const version = versionOf(headers, range?.totalBytes)
    if (this.#version === undefined || !isSameVersion(this.#version, version)) return { changed: site }
    if (range === undefined) throw garbled(site, 'no readable Content-Range')
    const lengthBytes = range.totalBytes - this.#doneBytes
    if (range.start !== this.#doneBytes || range.end !== range.totalBytes - 1)
      throw garbled(site, `bytes ${range.start}-${range.end} instead of those from ${this.#doneBytes}`)
    if ((lengthIn(headers) ?? lengthBytes) !== lengthBytes)
      throw garbled(site, 'a length that is not its range’s')
    this.#version = { ...this.#version, totalBytes: range.totalBytes }
    return this.#pour(answer)
  }

  /** Also where a resume is answered with the whole file: byte 0 is next, nothing is appended. */
  async #beginning(answer: WebAnswer, version: Version): Promise<Ending> {
    assertReadable(answer)
    await this.#options.sink.restart()
    this.#doneBytes = 0
    this.#version = version
    return this.#pour(answer)
  }

  async #pour(answer: WebAnswer): Promise<Ending> {
    const { site, headers, url } = answer
    const { maxBytes, watch } = this.#options
    const totalBytes = this.#version?.totalBytes
    if (totalBytes !== undefined && totalBytes > maxBytes) throw tooBig(site, maxBytes)
    const broken = await this.#write(answer)
    watch.signal.throwIfAborted()
    if (broken === undefined && (totalBytes ?? this.#doneBytes) === this.#doneBytes)
      return { done: { sizeBytes: this.#doneBytes, headers, url } }
    const of = totalBytes === undefined ? '' : ` of ${totalBytes}`
    return {
      cut: new Fault(
        'transient',
        `${site}: the body ended or broke after ${this.#doneBytes}${of} bytes; try again`,
      ),
    }
  }

  /** Answers whether the body broke; what is wrong with us, it throws. */
  async #write({ body, site }: WebAnswer): Promise<true | undefined> {
    const { sink, maxBytes, watch, onProgress } = this.#options
    const totalBytes = this.#version?.totalBytes
    try {
      for await (const chunk of body) {
        const endBytes = this.#doneBytes + chunk.length
        if (endBytes > maxBytes) throw tooBig(site, maxBytes)
        if (endBytes > (totalBytes ?? endBytes)) throw garbled(site, 'more bytes than it announced')
        await sink.write(chunk, this.#doneBytes)
        this.#doneBytes = endBytes
        watch.alive(chunk.length)
        onProgress?.({ doneBytes: endBytes, ...(totalBytes === undefined ? {} : { totalBytes }) })
      }
      return undefined
    } catch (error) {
      if (error instanceof Fault) throw error
      return true
    }
  }
}

/** Errors: `transient` (cuts beyond the last resume, garbled, changed twice), `too-big`, `rejected`, `not-found`, those of `ask` and `sink`, and the signal's reason. */
export const transfer = (options: TransferOptions): Promise<Transferred> => new WebTransfer(options).run()
