/**
 * One answer through undici: its head, then its body in two blocks that are filled and read in turn. What comes is copied
 * out at once: connector.ts needs its buffers back.
 */

import { type Dispatcher, errors } from 'undici'
import { atEndOfTurn, systemClock } from '../clock.ts'
import { Blocks } from './blocks.ts'
import { arrivalBytes } from './connector.ts'

export type Head = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>

/** A reader that waits is given so much, bytes, or what has come after so long, ms: with 25 MB/s per connection a quarter of the CPU. */
const pieceBytes = 256 * 1024
const lingerMs = 25

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
  readonly #blocks = new Blocks()
  #isPaused = false
  /** All has come, or nothing more will. */
  #over: { readonly error?: unknown } | undefined
  #wake: (() => void) | undefined
  #stopWaiting: (() => void) | undefined
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
    const roomBytes = this.#blocks.add(chunk, this.#leftBytes ?? 2 * arrivalBytes)
    if (this.#leftBytes !== undefined) this.#leftBytes -= chunk.length
    // With less room than for one more arrival the other side has to wait.
    if (roomBytes < Math.min(arrivalBytes, this.#leftBytes ?? arrivalBytes)) {
      this.#isPaused = true
      controller.pause()
    }
    this.#tell()
  }

  /** Not at once: a piece is worth a trip to the disk only when it is large. */
  #tell(): void {
    if (!this.#wake) return
    if (this.#isPaused || this.#blocks.filledBytes >= pieceBytes) {
      atEndOfTurn(this.#wake)
      this.#wake = undefined
    } else this.#stopWaiting ??= systemClock.after(lingerMs, this.#wake)
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
      const piece = this.#blocks.take()
      if (piece) {
        this.#goOn()
        yield piece
      } else if (this.#over) {
        this.#end()
        return
      } else {
        await new Promise<void>(resolve => (this.#wake = resolve))
        this.#stopWaiting?.()
        this.#wake = this.#stopWaiting = undefined
      }
    }
  }

  #goOn(): void {
    if (!this.#isPaused || this.#over) return
    this.#isPaused = false
    this.#controller?.resume()
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
    this.#blocks.end({ isRead: failed === undefined })
    this.#ended.resolve(failed)
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
