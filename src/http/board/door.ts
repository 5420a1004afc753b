/** Who comes in and what they may do there: headers, same-origin, session, and the few deeds that the board offers. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { escaped } from '../escaped.ts'
import type { Sessions } from './session.ts'

export const boardPath = '/board'

/** Nothing from outside is loaded, and nobody frames us. Bull Board sets styles from its scripts. */
export const boardHeaders = {
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
}

/**
 * What can be done in write mode: with one job at a time, and the tap of a queue. Adding jobs and changing their data would
 * get round the checks of producers; emptying whole queues is no matter of a click.
 */
const deeds: Readonly<Record<string, string>> = {
  'PUT /api/queues/:queueName/:jobId/retry': 'retry',
  'PUT /api/queues/:queueName/:jobId/promote': 'promote',
  'PUT /api/queues/:queueName/:jobId/clean': 'remove',
  'PUT /api/queues/:queueName/pause': 'pause',
  'PUT /api/queues/:queueName/resume': 'resume',
  'PUT /api/queues/pause': 'pause-all',
  'PUT /api/queues/resume': 'resume-all',
}

export const deedOf = ({ method, routeOptions: { url = '' } }: FastifyRequest): string | undefined =>
  deeds[`${method} ${url.replace(boardPath, '')}`]

const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** A page of another site can send requests with our cookie's browser; it can't forge these headers. */
export async function refuseStrangers(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (isRead(request) || isOwn(request)) return undefined
  return refuse(reply, 403, 'ERRORS.FORBIDDEN', 'this request did not come from a page of the board')
}

function isOwn({ headers: { 'sec-fetch-site': site, origin, host } }: FastifyRequest): boolean {
  if (site !== undefined) return site === 'same-origin'
  // Browsers send the first one over https and to this very host only.
  return origin !== undefined && host !== undefined && URL.parse(origin)?.host === host
}

export const demandSession =
  (sessions: Sessions) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (sessions.holds(request.headers.cookie)) return undefined
    const isPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
    if (!isPage) return refuse(reply, 401, 'ERRORS.FORBIDDEN', 'the session is over: reload the page')
    // A link on another site brings no cookie of ours; the same page asked for from here does.
    if (request.headers['sec-fetch-site'] === 'cross-site')
      return reply.type('text/html').send(again(request.url))
    return reply.redirect(`${boardPath}/login?next=${encodeURIComponent(request.url)}`, 303)
  }

const again = (url: string): string =>
  `<!doctype html><meta http-equiv="refresh" content="0;url=${escaped(url)}">`

export const demandDeed =
  (mayWrite: boolean) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (isRead(request)) return undefined
    if (!mayWrite)
      return refuse(
        reply,
        405,
        'ERRORS.QUEUE_READ_ONLY',
        'read-only: WECOM_MEDIA_BOARD_WRITE=true allows more',
      )
    if (deedOf(request) !== undefined) return undefined
    return refuse(reply, 403, 'ERRORS.FORBIDDEN', 'the board offers single jobs and pausing only')
  }

/** In the form of Bull Board, whose pages show it: the key of a text of theirs, and ours. */
const refuse = (reply: FastifyReply, status: number, key: string, message: string): FastifyReply =>
  reply.code(status).send({ error: { key }, message })
