/** The login of the board: a form, a bound on tries, a cookie. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { boardPath } from './door.ts'
import { loginPage, logoutPage } from './pages.ts'
import type { Sessions } from './session.ts'

/** Tries of one address per minute and process. */
const triesPerMinute = 10
const formMaxBytes = 4 * 1024

export interface LoginEvent {
  readonly what: 'login' | 'login refused' | 'too many logins' | 'logout'
  readonly from: string
}

const [loginPath, logoutPath] = [`${boardPath}/login`, `${boardPath}/logout`]

/** The scope must know `rateLimit` (@fastify/rate-limit). */
export function mountLogin(
  scope: FastifyInstance,
  sessions: Sessions,
  onEvent: (event: LoginEvent) => void,
): void {
  const parseAs = { parseAs: 'string', bodyLimit: formMaxBytes } as const
  scope.addContentTypeParser('application/x-www-form-urlencoded', parseAs, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )
  scope.get('/login', (request: FastifyRequest<{ Querystring: { next?: unknown } }>, reply) =>
    html(reply, loginPage(loginPath, placeIn(request.query.next))),
  )
  const config = { rateLimit: { max: triesPerMinute, timeWindow: 60_000 } }
  const errorHandler = (error: { statusCode?: number }, request: FastifyRequest, reply: FastifyReply) => {
    const status = error.statusCode ?? 500
    if (status !== 429)
      return html(reply.code(status), loginPage(loginPath, home, 'This form cannot be read.'))
    onEvent({ what: 'too many logins', from: request.ip })
    return html(reply.code(429), loginPage(loginPath, home, 'Too many tries: wait a minute.'))
  }
  scope.post('/login', { config, errorHandler }, async (request, reply) => {
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
    const next = placeIn(form.get('next'))
    if (!sessions.isRight(form.get('user') ?? '', form.get('password') ?? '')) {
      onEvent({ what: 'login refused', from: request.ip })
      return html(reply.code(401), loginPage(loginPath, next, 'Wrong user or password.'))
    }
    onEvent({ what: 'login', from: request.ip })
    const isSecure = request.headers['x-forwarded-proto'] === 'https'
    return reply.header('set-cookie', sessions.begin(isSecure)).redirect(next, 303)
  })
  // A link can't log anybody out: it only leads to the button.
  scope.get('/logout', (_request, reply) => html(reply, logoutPage(logoutPath)))
  scope.post('/logout', async (request, reply) => {
    // Nothing that is made of the password goes to who has not shown it: guesses could be tried against it, away from us.
    if (!sessions.holds(request.headers.cookie)) return reply.redirect(loginPath, 303)
    onEvent({ what: 'logout', from: request.ip })
    return reply.header('set-cookie', sessions.end()).redirect(loginPath, 303)
  })
}

const home = `${boardPath}/`

/** Only places on the board: whoever made the link must not choose where a login leads. */
const placeIn = (next: unknown): string =>
  typeof next === 'string' && /^\/board\/[\w\-./?=&%]{0,500}$/.test(next) && !/(\.|%2e){2}/i.test(next)
    ? next
    : home

const html = (reply: FastifyReply, page: string): FastifyReply =>
  reply.type('text/html; charset=utf-8').send(page)
