/** Every refusal of the HTTP API as problem+json (RFC 9457): a status for each kind of fault, and what to do next. */

import { STATUS_CODES } from 'node:http'
import type { FastifyError } from 'fastify'
import { z } from 'zod'
import { Fault, type Kind, kinds } from '../fault.ts'
import { scrub } from '../log.ts'

/** How the HTTP API answers a fault of its own; a job that failed is shown with 200, it was found. */
const statuses: Readonly<Record<Kind, number>> = {
  ...{ invalid: 400, token: 401, 'forbidden-address': 403, 'not-found': 404, conflict: 409, pending: 409 },
  ...{ gone: 410, 'too-big': 413, 'wrong-type': 415, rejected: 422, limit: 429, quota: 429 },
  ...{ busy: 503, unavailable: 503, transient: 503, cancelled: 409, expired: 408 },
  ...{ config: 500, unknown: 500, 'worker-died': 500 },
}

export const Problem = z
  .object({
    /** Always `about:blank`: the kind says what it is. */
    type: z.string(),
    title: z.string(),
    status: z.int(),
    kind: z.enum(kinds),
    detail: z.string().optional(),
    errcode: z.int().optional(),
  })
  .meta({ title: 'Problem', description: 'A refusal (RFC 9457); `detail` says what to do next.' })

export type Problem = z.output<typeof Problem>

export const problemType = 'application/problem+json; charset=utf-8'

/** A refusal under another status than that of its kind: 403 for what a token may not do. */
export class Refusal extends Fault {
  readonly status: number

  constructor(status: number, kind: Kind, message: string) {
    super(kind, message)
    this.status = status
  }
}

export function problemOf(fault: Fault): Problem {
  const status = fault instanceof Refusal ? fault.status : statuses[fault.kind]
  const { kind, message, errcode } = fault.report()
  return {
    ...{ type: 'about:blank', title: STATUS_CODES[status] ?? '', status, kind },
    // Who is not known is told nothing.
    ...(status !== 401 && { detail: scrub(message) }),
    ...(errcode !== undefined && { errcode }),
  }
}

/** When asking again makes sense, whole seconds. */
export const retryAfterOf = ({ kind, waitMs }: Fault): number | undefined => {
  if (waitMs !== undefined) return Math.max(1, Math.ceil(waitMs / 1000))
  return statuses[kind] === 503 ? 1 : undefined
}

const kindOfStatus: Readonly<Record<number, Kind>> = { 413: 'too-big', 414: 'too-big', 415: 'wrong-type' }

/** What the server itself refuses; undefined for an error that is nobody's fault but ours. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof Fault) return error
  const { statusCode = 500, code = '', message } = error as FastifyError
  if (statusCode >= 500) return undefined
  if (statusCode === 415)
    return new Fault('wrong-type', 'this content type is not taken here: send application/json')
  const isJson = code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError
  const said = isJson ? 'the body is no JSON, or has a forbidden key: correct it' : message
  return new Refusal(statusCode, kindOfStatus[statusCode] ?? 'invalid', said)
}
