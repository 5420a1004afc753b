/**
 * One answer through undici: its head, then its body in two blocks that are filled and read in turn. Node makes a new
 * buffer for each reading of a socket; copied out at once they die young, and no others are made.
 */

import { type Dispatcher, errors } from 'undici'
import { atEndOfTurn } from '../clock.ts'

export type Head = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>

/** What is read of a body at most in one piece, bytes; two of these are in memory for each. */
const blockBytes = 512 * 1024
/** The largest piece that comes at a time: with less room than this the other side has to wait. */
const arrivalBytes = 64 * 1024

const lengthIn = ({ headers }: Head): number | undefined => {
  const length = headers['content-length']
  return typeof length === 'string' ? Number(length) : undefined
}

/** Starts the request; `head` and `chunks` throw undici's error or the signal's reason. */
export const ask = (dispatcher: Dispatcher, options: Asking, signal: AbortSignal): Inflow => {
  const inflow = new Inflow(signal)
  try {
    dispatcher.dispatch(options, inflow)
  } catch (error) {
    inflow.fail(error)
  }
  return inflow
}

type Asking = Dispatcher.DispatchOptions

export class Inflow implements Dispatcher.DispatchHandler {
  readonly #head = Promise.withResolvers<Head>()
  readonly #ended = Promise.withResolvers<{ readonly error: unknown } | undefined>()
  readonly #signal: AbortSignal
  #controller: Dispatcher.DispatchController | undefined
  #leftBytes: number | undefined
  #filling: Buffer | undefined
  #filledBytes = 0
  #spare: Buffer | undefined
  #isPaused = false
  /** All has come, or nothing more will. */
  #over: { readonly error?: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    // Whoever does not wait for it any more need not hear of it.
    this.#head.promise.catch(() => undefined)
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  get head(): Promise<Head> {
    return this.#head.promise
  }

  /** When the last byte was read, or with the error, even when nobody reads. */
  get ended(): Promise<{ readonly error: unknown } | undefined> {
    return this.#ended.promise
  }

  readonly #abort = (): void => this.fail(this.#signal.reason)

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(asError(this.#over.error))
    else if (this.#signal.aborted) this.#abort()
  }

  onResponseStart(_: unknown, statusCode: number, headers: Head['headers']): void {
    // 1xx: the answer is still to come.
    if (statusCode < 200) return
    this.#leftBytes = lengthIn({ statusCode, headers })
    this.#head.resolve({ statusCode, headers })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // An empty one comes when undici goes on after a pause.
    if (this.#over || chunk.length === 0) return
    if (this.#leftBytes !== undefined) this.#leftBytes -= chunk.length
    const block = this.#room(chunk.length)
    chunk.copy(block, this.#filledBytes)
    this.#filledBytes += chunk.length
    const nextBytes = Math.min(arrivalBytes, this.#leftBytes ?? arrivalBytes)
    if (block.length - this.#filledBytes < nextBytes) {
      this.#isPaused = true
      controller.pause()
    }
    // Not at once: what has come already is read in one piece.
    if (this.#wake) atEndOfTurn(this.#wake)
  }

  onResponseEnd(): void {
    this.#finish({})
  }

  onResponseError(_: unknown, error: unknown): void {
    this.#finish({ error })
  }

  /** Gives up whatever is still to come. */
  destroy(): void {
    this.#ended.resolve(undefined)
    this.fail(new errors.RequestAbortedError())
  }

  fail(error: unknown): void {
    if (this.#over) return
    this.#finish({ error })
    this.#controller?.abort(asError(error))
  }

  /** Once, and each piece is good until the next is asked for. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.#over && 'error' in this.#over) throw this.#over.error
      const piece = this.#taken()
      if (piece) {
        yield piece.subarray
        this.#spare = piece.block
      } else if (this.#over) {
        this.#ended.resolve(undefined)
        return
      } else {
        await new Promise<void>(resolve => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
  }

  #taken(): { readonly block: Buffer; readonly subarray: Buffer } | undefined {
    const block = this.#filling
    if (block === undefined || this.#filledBytes === 0) return undefined
    const subarray = block.subarray(0, this.#filledBytes)
    this.#filling = undefined
    this.#filledBytes = 0
    if (this.#isPaused && !this.#over) {
      this.#isPaused = false
      this.#controller?.resume()
    }
    return { block, subarray }
  }

  #room(bytes: number): Buffer {
    this.#filling ??= this.#spare ?? this.#block(bytes)
    this.#spare = this.#filling === this.#spare ? undefined : this.#spare
    if (this.#filling.length - this.#filledBytes >= bytes) return this.#filling
    const larger = Buffer.allocUnsafe(this.#filledBytes + Math.max(bytes, blockBytes))
    this.#filling.copy(larger, 0, 0, this.#filledBytes)
    this.#filling = larger
    return larger
  }

  /** No larger than what is still to come, so that a short answer costs little. */
  #block(bytes: number): Buffer {
    const toCome = this.#leftBytes === undefined ? arrivalBytes * 2 : bytes + this.#leftBytes
    return Buffer.allocUnsafe(Math.max(bytes, Math.min(blockBytes, toCome)))
  }

  #finish(over: { readonly error?: unknown }): void {
    if (this.#over) return
    this.#over = over
    this.#signal.removeEventListener('abort', this.#abort)
    if ('error' in over) {
      this.#head.reject(over.error)
      this.#ended.resolve({ error: over.error })
    }
    this.#wake?.()
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
