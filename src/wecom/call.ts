/** A call, and the onion around it. Layers add to the request and never change what is there. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Fault } from '../fault.ts'
import type { MethodName } from './methods.ts'
import type { Grant, Mark } from './seams.ts'

/** A body that is being sent. */
export interface OpenBody {
  /** Throws when the source does not give exactly the promised bytes, before the end is handed out. */
  readonly chunks: AsyncIterable<Buffer>
  /** Lets go of the source, even in the middle of a read. */
  close(): void
}

/** A body is an opener, never a stream: each attempt opens it anew. */
export interface Body {
  readonly contentType: string
  /** Exact; sent as Content-Length. */
  readonly lengthBytes: number
  open(signal: AbortSignal): Promise<OpenBody>
}

/** An answer's head, and its body in chunks. */
export interface HttpAnswer {
  readonly method: MethodName
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, each chunk good until the next is asked for; what goes wrong with it is thrown as a Fault. */
  readonly chunks: AsyncGenerator<Buffer, void>
  /** Had the request's body been handed over whole when the answer came? */
  readonly bodySent: boolean
  /** Lets go of a body that is not read to its end. */
  cancel(): void
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly mark?: Mark
  /** How long the gate may wait in process, in milliseconds. Default 250. */
  readonly patienceMs?: number
  /** For callers that come back later: see `GateCall`. */
  readonly keepsBookings?: boolean
  readonly booking?: unknown
  readonly urgent?: boolean
  /** Whose call it is, for events: the id of a job. */
  readonly job?: string
}

export interface Request<T> extends CallOptions {
  readonly method: MethodName
  /** Without the token: transport puts it in. */
  readonly query: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Body
  /** Deadline of the whole exchange in milliseconds, where it is not to be derived from the size. */
  readonly totalMs?: number
  /** Turns the answer into the value, or throws the fault that it is. */
  read(answer: HttpAnswer): Promise<T>

  // what the layers add
  readonly token?: string
  readonly grant?: Grant
  readonly retried?: boolean
}

export interface Answer<T> {
  readonly value: T
  /** Resolves when the last byte of the answer was read or given up; with the fault, if it ended badly. */
  readonly ended: Promise<Fault | undefined>
}

export type Call = <T>(request: Request<T>) => Promise<Answer<T>>
export type Layer = (inner: Call) => Call

/** Puts layers around the core, outermost first. */
export const onion = (core: Call, ...layers: readonly Layer[]): Call =>
  layers.reduceRight((inner, layer) => layer(inner), core)
