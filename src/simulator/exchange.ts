/** The way of one call: arrival, the script, the route, the answer, the end. Every call ends as 'done' in the log. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../clock.ts'
import { Call, ConnectionCut } from './call.ts'
import type { Act, Cut } from './faults.ts'
import { Refusal } from './refusal.ts'
import { htmlReply, jsonReply, type Reply, refusalReply } from './replies.ts'
import { type Route, routes } from './routes/index.ts'
import { send, sendPlain } from './sending.ts'
import type { State } from './state.ts'
import type { Owner } from './tokens.ts'

/** The log's own strings for them: a piece of the URL would keep the whole URL in memory, for every call. */
const knownPaths = new Map(
  Object.keys(routes).map(method => [`/cgi-bin/${method}`, { path: `/cgi-bin/${method}`, method }]),
)

const pathOf = ({ pathname: path }: URL): { readonly path: string; readonly method: string } =>
  knownPaths.get(path) ?? { path, method: path.replace(/^\/cgi-bin\//, '') }

/** Logs the arrival, asks the script and the limits, in this very turn of the event loop. */
export function arrive(state: State, request: IncomingMessage, response: ServerResponse, url: URL): Call {
  const { path, method } = pathOf(url)
  const owner = ownerOf(state, url.searchParams)
  const corp = owner?.corpId ?? (method === 'gettoken' ? url.searchParams.get('corpid') : null) ?? undefined
  const acts = state.faults.due(method, corp)
  const simulatorAtMs = state.clock.nowMs()
  const mediaId = url.searchParams.get('media_id') ?? undefined
  const ip = addressOf(request)
  const admission = state.limits.admit({ method, corp, ip, mediaId, atMs: simulatorAtMs })
  const entry = state.log.open({
    atMs: systemClock.nowMs(),
    monotonicMs: systemClock.monotonicMs(),
    simulatorAtMs,
    verb: request.method ?? '',
    method,
    path,
    ...(corp === undefined ? {} : { corp }),
    ...(owner?.agent === undefined ? {} : { agent: owner.agent }),
    ...(request.headers.range === undefined ? {} : { range: request.headers.range }),
    ...(acts.length === 0 ? {} : { fault: acts.map(act => act.do).join('+') }),
    ...(admission.refusal ? { limit: admission.refusal.limit } : {}),
  })
  return new Call(state, request, response, { query: url.searchParams, entry, acts, admission })
}

/** Of the first token in the query. A method that is told the caller in its body has none: that is not read yet. */
function ownerOf({ tokens }: State, query: URLSearchParams): Owner | undefined {
  const names = ['access_token', 'suite_access_token', 'provider_access_token']
  return tokens.ownerOf(names.map(name => query.get(name)).find(text => text !== null) ?? null)
}

/** Answers a call, or ends its connection; never throws. */
export async function answer(call: Call): Promise<void> {
  call.response.once('close', () => {
    const isCutShort = !call.response.writableFinished && !call.entry.aborted
    if (isCutShort) call.note({ aborted: 'client' })
  })
  try {
    // A limit's refusal goes before a scripted answer: the log must not tell of refusals that nobody saw.
    const instead = call.admission.refusal ? undefined : (call.act('errcode') ?? call.act('html'))
    if (instead?.early) await answerEarly(call, instead, instead.early)
    else await answerInTurn(call, instead)
  } catch (error) {
    end(call, error)
  } finally {
    call.done()
  }
}

async function answerInTurn(call: Call, instead: InsteadAct | undefined): Promise<void> {
  await call.passRequest(0)
  const reply = instead ? replyInstead(call, instead) : await decide(call)
  await call.drain()
  await send(call, reply)
}

type InsteadAct = Extract<Act, { do: 'errcode' | 'html' }>

async function answerEarly(call: Call, act: InsteadAct, early: 'keep-reading' | Cut): Promise<void> {
  await call.drain(act.afterBytes ?? 0)
  const reply = replyInstead(call, act)
  if (early === 'keep-reading') {
    // Once the answer is out Node throws the rest of the body away by itself, and our reader would wait for ever.
    await Promise.all([Promise.race([call.drain(), call.closed()]), sendPlain(call, reply)])
    return
  }
  if (early === 'reset') {
    // Without `Connection: close`, since with it Node closes the connection in the ordinary way first.
    call.response.once('finish', () => call.request.socket.resetAndDestroy())
    await sendPlain(call, reply)
    return
  }
  await sendPlain(call, { ...reply, headers: { ...reply.headers, Connection: 'close' } })
}

const replyInstead = (call: Call, act: InsteadAct): Reply =>
  act.do === 'html' ? htmlReply(act) : replyOf(call, new Refusal(act.errcode))

function replyOf(call: Call, refusal: Refusal): Reply {
  return refusalReply(refusal, addressOf(call.request), call.state.clock.nowMs(), call.entry.id)
}

/** The caller's address; IPv4 in its own form also where the socket is an IPv6 one. */
const addressOf = ({ socket }: IncomingMessage): string =>
  (socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '')

async function decide(call: Call): Promise<Reply> {
  const { refusal } = call.admission
  if (refusal) return replyOf(call, new Refusal(refusal.errcode))
  const { method, verb } = call.entry
  const route: Route | undefined = Object.hasOwn(routes, method) ? routes[method] : undefined
  if (!route) {
    const known = Object.keys(routes).join(', ')
    return jsonReply(404, { error: `the simulator has no method ${method}; it has: ${known}` })
  }
  if (route.verb !== verb) return jsonReply(405, { error: `${method} is called with ${route.verb}` })
  try {
    return await route.answer(call)
  } catch (error) {
    if (error instanceof Refusal) return replyOf(call, error)
    throw error
  }
}

/** Closes the books on a call that got no whole answer. */
function end(call: Call, error: unknown): void {
  const { socket } = call.request
  if (error instanceof ConnectionCut) {
    call.note({ aborted: 'simulator' })
    if (error.how === 'reset') socket.resetAndDestroy()
    else socket.destroySoon()
    return
  }
  if (socket.destroyed || call.response.headersSent) {
    if (!call.entry.aborted) call.note({ aborted: 'client' })
    socket.destroy()
    return
  }
  // Neither a fault nor the client: a defect of the simulator, which must not look like the platform's answer.
  call.note({ status: 500 })
  call.response.writeHead(500, { 'Content-Type': 'text/plain', Connection: 'close' })
  call.response.end(`defect of the simulator: ${String(error)}\n`)
}
