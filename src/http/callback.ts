/** `/callback/:id` and `/callback/:id/:corpId`: HTTP around the receiver, nothing more. */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type CallbackAnswer, maxXmlBytes, type Party, type Receiver } from '../callback/index.ts'

export interface CallbackRoutes {
  readonly parties: ReadonlyMap<string, Party>
  readonly receive: Receiver
  /** `party` is undefined for an id that nobody has. */
  readonly onAnswer: (party: string | undefined, answer: CallbackAnswer, ms: number) => void
  /** A URL that can't even be read was refused. */
  readonly onUnreadable: () => void
}

interface Route {
  readonly Params: { readonly id: string; readonly corpId?: string }
  readonly Querystring: Readonly<Record<string, unknown>>
  readonly Body: unknown
}

export function mountCallbacks(
  server: FastifyInstance,
  { parties, receive, onAnswer }: CallbackRoutes,
): void {
  void server.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    const send = (request: FastifyRequest, reply: FastifyReply, answer: CallbackAnswer) => {
      const { id } = request.params as Route['Params']
      onAnswer(parties.get(id)?.id, answer, reply.elapsedTime)
      if (answer.contentType !== undefined) reply.type(answer.contentType)
      return reply.code(answer.status).send(answer.body)
    }
    // A body that is too large, cut short, or announced wrongly never reaches the receiver.
    scope.setErrorHandler((error: FastifyError, request, reply) =>
      send(request, reply, broken(error.statusCode ?? 500)),
    )
    const handler = async (request: FastifyRequest<Route>, reply: FastifyReply) => {
      const { params, method, query, body } = request
      const answer = await receive({
        verb: method,
        party: parties.get(params.id),
        ...(params.corpId !== undefined && { corpId: params.corpId }),
        query,
        body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
      })
      return send(request, reply, answer)
    }
    for (const url of ['/callback/:id', '/callback/:id/:corpId']) {
      scope.route<Route>({
        method: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'],
        url,
        bodyLimit: maxXmlBytes,
        handler,
      })
    }
  })
}

function broken(status: number): CallbackAnswer {
  if (status >= 500) return { status, body: '', event: 'none', outcome: 'failed' }
  return {
    status,
    body: '',
    event: 'none',
    outcome: 'refused',
    reason: status === 413 ? 'too-big' : 'malformed',
  }
}
