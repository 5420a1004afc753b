/**
 * One answer through undici: its head, then its body in two blocks that are filled and read in turn. What comes is copied
 * out at once: connector.ts needs its buffers back.
 */

import { type Dispatcher, errors } from 'undici'
import { atEndOfTurn } from '../clock.ts'
import { readBytes } from './connector.ts'

export type Head = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>

/** What is read of a body at most in one piece, bytes; two of these are in memory for each. */
const blockBytes = 1024 * 1024
/** Blocks of answers that were read to their end, for those that come: collecting them would cost more than reading did. */
const idle: Buffer[] = []
/** Two answers' worth, so that they are no burden when nothing is read. */
const idleMost = 4

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
  #spares: Buffer[] = []
  #isPaused = false
  /** All has come, or nothing more will. */
  #over: { readonly error?: unknown } | undefined
  #wake: (() => void) | undefined
  /** To its end, or nobody will: an answer that has come and waits for its reader still has a deadline. */
  #isRead = false

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
    // With less room than for one more reading the other side has to wait.
    const nextBytes = Math.min(readBytes, this.#leftBytes ?? readBytes)
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

  /** Also of what has come already, if nobody has read it. */
  fail(error: unknown): void {
    const isComing = this.#over === undefined
    this.#finish({ error })
    if (isComing) this.#controller?.abort(asError(error))
  }

  /** Once, and each piece is good until the next is asked for. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.#over && 'error' in this.#over) throw this.#over.error
      const piece = this.#taken()
      if (piece) {
        yield piece.subarray
        this.#spares.push(piece.block)
      } else if (this.#over) {
        this.#giveBack()
        this.#end()
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
    this.#filling ??= this.#spares.pop() ?? this.#block(bytes)
    if (this.#filling.length - this.#filledBytes >= bytes) return this.#filling
    const larger = Buffer.allocUnsafe(this.#filledBytes + Math.max(bytes, blockBytes))
    this.#filling.copy(larger, 0, 0, this.#filledBytes)
    this.#filling = larger
    return larger
  }

  /** No larger than what is still to come, so that a short answer costs little. */
  #block(bytes: number): Buffer {
    const toCome = this.#leftBytes === undefined ? readBytes : bytes + this.#leftBytes
    const wanted = Math.max(bytes, Math.min(blockBytes, toCome))
    return (wanted === blockBytes && idle.pop()) || Buffer.allocUnsafe(wanted)
  }

  /** Whoever has asked for more after the last piece is done with all of them. */
  #giveBack(): void {
    const whole = this.#spares.filter(block => block.length === blockBytes)
    idle.push(...whole.slice(0, idleMost - idle.length))
    this.#spares = []
  }

  #finish(over: { readonly error?: unknown }): void {
    if (this.#over && ('error' in this.#over || this.#isRead)) return
    this.#over = over
    if ('error' in over) {
      this.#head.reject(over.error)
      this.#end({ error: over.error })
    }
    this.#wake?.()
  }

  #end(failed?: { readonly error: unknown }): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#isRead = true
    this.#ended.resolve(failed)
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
