/**
 * One HTTP exchange with the platform; besides connector.ts, connections.ts and inflow.ts the only file that knows undici.
 * The token travels in the query: no URL leaves this file, and neither does an error of undici's, only a Fault.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Fault } from '../fault.ts'
import type { Answer, Call, HttpAnswer, Request } from './call.ts'
import { bareOf } from './connections.ts'
import { cancelled, lost, networkFault } from './errors.ts'
import { ask, type Head, type Inflow } from './inflow.ts'
import { asyncMedia } from './media-types.ts'
import { methods } from './methods.ts'
import type { Platform } from './platform.ts'
import { Overdue, startWatch, type Timeouts, totalMs, type Watch } from './timeouts.ts'

/** What was counted of one exchange; `bodySent` when the last byte of the body was handed over. */
export interface Tally {
  sentBytes: number
  receivedBytes: number
  bodySent: boolean
}

export interface TransportOptions {
  readonly dispatcher: Dispatcher
  readonly platform: Platform
  readonly timeouts: Timeouts
  /** Called once per exchange, when its last byte was read or it failed; `ms` is how long it took. */
  readonly report: (request: Request<unknown>, tally: Tally, ms: number, fault?: Fault) => void
  readonly nowMs: () => number
}

/** The core of the onion. Throws Faults only. */
export function createTransport({ report, nowMs, ...wire }: TransportOptions): Call {
  return async <T>(request: Request<T>): Promise<Answer<T>> => {
    const tally: Tally = { sentBytes: 0, receivedBytes: 0, bodySent: request.body === undefined }
    const watch = startWatch(request.signal)
    const startedMs = nowMs()
    const end = (fault?: Fault) => {
      watch.stop()
      report(request, tally, nowMs() - startedMs, fault)
      return fault
    }
    let answer: OpenAnswer | undefined
    try {
      answer = await exchange(request, wire, watch, tally)
      const value = await request.read(answer)
      return { value, ended: answer.ended.then(end) }
    } catch (error) {
      answer?.cancel()
      throw end(asFault(request, watch, tally, error))
    }
  }
}

type OpenAnswer = HttpAnswer & { readonly ended: Promise<Fault | undefined> }
type Wire = Pick<TransportOptions, 'dispatcher' | 'platform' | 'timeouts'>

/** Sends the request and waits for the answer's head. */
async function exchange<T>(request: Request<T>, wire: Wire, watch: Watch, tally: Tally): Promise<OpenAnswer> {
  const { body, totalMs: fixedMs } = request
  const { timeouts } = wire
  watch.deadline(fixedMs ?? totalMs(body?.lengthBytes ?? 0, timeouts))
  if (body) watch.expect(timeouts.noProgressMs, 'no byte could be sent')
  else watch.expect(timeouts.connectMs + timeouts.headMs, 'no answer')
  const open = await body?.open(watch.signal)
  try {
    watch.signal.throwIfAborted()
    const sending = body && open && counted(open.chunks, body.lengthBytes, tally, watch, timeouts)
    const inflow = ask(bareOf(wire.dispatcher), options(request, wire, sending), watch.signal)
    const head = await inflow.head
    watch.expect(0, '')
    watch.deadline(fixedMs ?? totalMs(bytesToCome(request, head), timeouts))
    return openAnswer(request, head, inflow, watch, tally)
  } finally {
    open?.close()
  }
}

function options(request: Request<unknown>, wire: Wire, body?: AsyncIterable<Buffer>) {
  const { method } = request
  return {
    origin: wire.platform.origin,
    path: `${wire.platform.path}/${method}?${query(request)}`,
    method: methods[method].http,
    headers: headers(request),
    // undici takes any async iterable; its types know only Readable.
    body: (body as unknown as Readable) ?? null,
    // Off: undici's would not notice an upload that stands still, the watch does (bullmq.md §6).
    headersTimeout: 0,
    // Per gap between chunks, and not while the reader is the slow one.
    bodyTimeout: wire.timeouts.noProgressMs,
  }
}

function query({ method, query, token }: Request<unknown>): URLSearchParams {
  const name = methods[method].token
  return new URLSearchParams(name === undefined || token === undefined ? query : { [name]: token, ...query })
}

const headers = ({ headers, body }: Request<unknown>): Record<string, string> => ({
  ...headers,
  // A compressed answer could be a bomb, and its length would be another one than the file's.
  'accept-encoding': 'identity',
  ...(body && { 'content-type': body.contentType, 'content-length': String(body.lengthBytes) }),
})

/** Counts a chunk when it is handed over, before it is known to be sent: one that may have left must not look unsent. */
async function* counted(
  chunks: AsyncIterable<Buffer>,
  lengthBytes: number,
  tally: Tally,
  watch: Watch,
  { headMs }: Timeouts,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks) {
    tally.sentBytes += chunk.length
    tally.bodySent = tally.sentBytes >= lengthBytes
    if (tally.bodySent) watch.expect(headMs, 'no answer after the whole body')
    yield chunk
    watch.alive()
  }
}

/** What the answer's deadline is derived from. */
function bytesToCome({ method }: Request<unknown>, { headers }: Head): number {
  if (methods[method].answer === 'json') return 0
  const length = headers['content-length']
  // Without a length: the largest file that the platform keeps.
  return typeof length === 'string' ? Number(length) : asyncMedia.maxBytes
}

/** A header that came twice is an array in undici and nowhere else. */
const single = (headers: Head['headers']): IncomingHttpHeaders =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )

function openAnswer(
  request: Request<unknown>,
  { statusCode, headers }: Head,
  inflow: Inflow,
  watch: Watch,
  tally: Tally,
): OpenAnswer {
  const { promise: ended, resolve } = Promise.withResolvers<Fault | undefined>()
  const fault = (error: unknown) => asFault(request, watch, tally, error)
  // Even when nobody reads, or an abandoned body would keep its slot.
  void inflow.ended.then(failed => resolve(failed && fault(failed.error)))
  async function* chunks(): AsyncGenerator<Buffer, void> {
    try {
      for await (const chunk of inflow.chunks()) {
        tally.receivedBytes += chunk.length
        yield chunk
      }
    } catch (error) {
      throw fault(error)
    }
  }
  const cancel = () => {
    resolve(undefined)
    inflow.destroy()
  }
  const { method } = request
  return {
    method,
    status: statusCode,
    headers: single(headers),
    chunks: chunks(),
    bodySent: tally.bodySent,
    cancel,
    ended,
  }
}

/** Whatever happened, as a fault; the caller's own signal comes first, even if its reason is a fault. */
function asFault(
  { method, signal, body }: Request<unknown>,
  watch: Watch,
  tally: Tally,
  error: unknown,
): Fault {
  const isOut = body === undefined || tally.sentBytes > 0
  if (signal?.aborted && (error === signal.reason || !(error instanceof Fault)))
    return cancelled(method, signal, isOut)
  if (watch.signal.reason instanceof Overdue) return lost(method, watch.signal.reason.message, isOut)
  if (error instanceof Fault) return error
  return networkFault(method, error, isOut)
}
