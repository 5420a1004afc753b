/** What an operation of the HTTP API is: one row for the router, the guard, and the OpenAPI document, so that the three can't disagree. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Right } from '../config.ts'
import type { Caller } from './tokens.ts'

export interface Asked<P = unknown, Q = unknown> {
  readonly caller: Caller
  readonly params: P
  readonly query: Q
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Aborts when nobody waits for the answer any more, or the process is about to end. */
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface AnswerRow {
  readonly description: string
  readonly schema?: z.ZodType
  /** Default: application/json, where there is a schema. */
  readonly contentType?: string
}

export interface Operation {
  readonly id: string
  readonly verb: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** With `:name` for parameters. */
  readonly path: string
  readonly right: Right
  readonly summary: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  /** Headers that it reads. */
  readonly headers?: z.ZodObject
  /** The JSON body. */
  readonly body?: z.ZodType
  /** Takes the bytes of a file as well: their fields besides. */
  readonly file?: z.ZodObject
  /** By status; refusals that every operation has are not repeated here. */
  readonly answers: Readonly<Record<number, AnswerRow>>
  handle(asked: Asked<never, never>): Promise<Answer>
}

/** Ties a handler to the schemas of its parameters. */
export const operation = <P extends z.ZodObject, Q extends z.ZodObject>(
  row: Omit<Operation, 'handle' | 'params' | 'query'> & {
    readonly params?: P
    readonly query?: Q
    handle(asked: Asked<z.output<P>, z.output<Q>>): Promise<Answer>
  },
): Operation => row as unknown as Operation
