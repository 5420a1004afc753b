/** What is told of each exchange with the platform, for metrics and logs: no token, no URL, no name. */

import type { Fault, Kind } from '../fault.ts'
import type { Request } from './call.ts'
import { errcodes } from './errcodes.ts'
import type { MethodName } from './methods.ts'
import type { Tally } from './transport.ts'

export interface CallEvent {
  readonly method: MethodName
  /** The app's configured id. */
  readonly app: string
  readonly corp: string
  /** Whose call it was, where the caller said so. */
  readonly job?: string
  /** From the start of the exchange to the last byte of the answer. */
  readonly ms: number
  /** The platform's, where it refused. */
  readonly errcode?: number
  /** Of the fault, where it failed. */
  readonly kind?: Kind
  /** The errcode is not in our table. */
  readonly unknownCode?: true
  /** Of the bodies. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** This process had tried the same call before. */
  readonly retried: boolean
}

export type OnCall = (event: CallEvent) => void

/** A reporter that never throws: a listener's bug must not turn an upload that worked into one that failed. */
export const reporter =
  (onCall: OnCall | undefined, app: string, corp: string) =>
  ({ method, job, retried = false }: Request<unknown>, tally: Tally, ms: number, fault?: Fault): void => {
    const errcode = fault?.errcode
    try {
      onCall?.({
        method,
        app,
        corp,
        ...(job !== undefined && { job }),
        ms,
        ...(errcode !== undefined && { errcode }),
        ...(errcode !== undefined && !Object.hasOwn(errcodes, errcode) && { unknownCode: true }),
        ...(fault && { kind: fault.kind }),
        bytesSent: tally.sentBytes,
        bytesReceived: tally.receivedBytes,
        retried,
      })
    } catch {}
  }
