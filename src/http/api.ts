/** `/v1` on the public listener: the door, the order in which a request is looked at, and what refusals look like. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { Fault } from '../fault.ts'
import { mountDocs } from './docs.ts'
import { takeForms } from './form.ts'
import type { Answer, Asked, Operation } from './operation.ts'
import { type OperationParts, operationsOf } from './operations.ts'
import { faultOf, problemOf, problemType, Refusal, retryAfterOf } from './problem.ts'
import type { TakeTurn } from './rate.ts'
import type { Authenticate, Caller } from './tokens.ts'

export interface ApiAnswer {
  /** Of the operation; undefined for a path that is none. */
  readonly operation: string | undefined
  readonly token: string | undefined
  readonly status: number
  readonly ms: number
}

export interface ApiParts extends OperationParts {
  readonly authenticate: Authenticate
  readonly takeTurn: TakeTurn
  readonly version: string
  readonly onAnswer: (answer: ApiAnswer) => void
  /** What went wrong here, and is told to nobody outside. */
  readonly onError: (error: unknown) => void
  /** Aborts when the process is about to end: nobody waits any longer then. */
  readonly closing: AbortSignal
}

/** A payload has 32 KiB at most; spaces between are the caller's. */
const jsonMaxBytes = 64 * 1024

const prefix = '/v1'

export function mountApi(server: FastifyInstance, parts: ApiParts): void {
  const { onAnswer, onError } = parts
  const callers = new WeakMap<FastifyRequest, Caller>()
  void server.register(
    async scope => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser(
        'application/json',
        { parseAs: 'string', bodyLimit: jsonMaxBytes },
        scope.getDefaultJsonParser('error', 'error'),
      )
      await takeForms(scope)
      // Bytes are handed on as the stream they are; who takes none says so.
      scope.addContentTypeParser('*', (request, _payload, done) =>
        isTaken(request) ? done(null) : done(new Fault('wrong-type', typeHint(request))),
      )
      scope.setErrorHandler((error, request, reply) => {
        // The rest of a body that nobody reads on; how much of it may come, and how slowly, is the watch's to say.
        request.raw.unpipe().resume()
        return refuse(reply, error, onError)
      })
      scope.setNotFoundHandler((request, reply) => refuse(reply, nothingAt(request), onError))
      scope.addHook('onResponse', async (request, reply) => {
        const { config } = request.routeOptions
        onAnswer({
          operation: (config as RouteFacts).id,
          token: callers.get(request)?.name,
          status: reply.statusCode,
          ms: reply.elapsedTime,
        })
      })
      const operations = operationsOf(parts)
      for (const operation of operations) mount(scope, operation, parts, callers)
      mountDocs(scope, operations, parts.version)
    },
    { prefix },
  )
}

const isTaken = ({ routeOptions, headers }: FastifyRequest): boolean =>
  (routeOptions.config as RouteFacts).takesBytes === true && !isUrlEncoded(headers['content-type'])

const isForm = ({ headers }: FastifyRequest): boolean =>
  /^multipart\/form-data\b/i.test(headers['content-type'] ?? '')

/** What curl sends bytes as, unless told otherwise. */
const isUrlEncoded = (type = ''): boolean => /^application\/x-www-form-urlencoded\b/i.test(type)

const typeHint = ({ routeOptions }: FastifyRequest): string =>
  (routeOptions.config as RouteFacts).takesBytes
    ? 'send JSON as application/json, a file as multipart/form-data, or its bytes as application/octet-stream'
    : 'this content type is not taken here: send application/json'

interface RouteFacts {
  readonly id?: string
  readonly takesBytes?: boolean
}

function mount(
  scope: FastifyInstance,
  operation: Operation,
  { authenticate, takeTurn, closing }: ApiParts,
  callers: WeakMap<FastifyRequest, Caller>,
): void {
  const { id, verb, path, right } = operation
  scope.route({
    ...{
      method: verb,
      url: path.slice(prefix.length),
      config: { id, takesBytes: operation.file !== undefined },
    },
    // Before a byte of the body is read.
    onRequest: async request => {
      const caller = authenticate(request.headers.authorization)
      if (!caller) throw new Fault('token', 'who is asking?')
      callers.set(request, caller)
      takeTurn(caller.name)
      if (!operation.file && isForm(request)) throw new Fault('wrong-type', typeHint(request))
      if (!caller.rights.includes(right))
        throw new Refusal(403, 'token', `the token "${caller.name}" has not the right to ${right}`)
    },
    handler: async (request, reply) => {
      const asked = askedOf(operation, { request, reply, caller: callers.get(request) as Caller, closing })
      return send(reply, await operation.handle(asked as Asked<never, never>))
    },
  })
}

function askedOf(
  { params, query }: Operation,
  {
    request,
    reply,
    caller,
    closing,
  }: Pick<Asked, 'request' | 'reply' | 'caller'> & { readonly closing: AbortSignal },
): Asked {
  return {
    ...{ request, reply, caller },
    params: parsed(params, request.params, 'the path'),
    query: parsed(query, request.query, 'the query'),
    // Made where it is asked for: most answers take a millisecond.
    get signal() {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      return AbortSignal.any([gone.signal, closing])
    },
  }
}

function parsed(schema: z.ZodObject | undefined, value: unknown, where: string): unknown {
  const found = schema?.strict().safeParse(value)
  if (found === undefined || found.success) return found?.data
  const mistakes = found.error.issues.map(({ path, message }) => [path.join('.'), message].join(' ').trim())
  throw new Fault('invalid', `${where}: ${mistakes.join('; ')}`)
}

function send(reply: FastifyReply, { status, body, headers = {} }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

function refuse(reply: FastifyReply, error: unknown, onError: (error: unknown) => void): FastifyReply {
  const fault = faultOf(error)
  if (fault === undefined) onError(error)
  const told = fault ?? new Fault('unknown', 'something went wrong here: its log says what')
  const problem = problemOf(told)
  const retryAfter = retryAfterOf(told)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).type(problemType).send(problem)
}

const nothingAt = ({ method, url }: FastifyRequest): Fault =>
  new Fault(
    'not-found',
    `there is no ${method} ${url.split('?', 1)[0]?.slice(0, 100)}: /v1/openapi.json has all there is`,
  )
