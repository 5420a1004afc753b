/**
 * Files from http(s) URLs that jobs name: hostile until proven otherwise. Besides the transport to the platform the only
 * file that knows undici, with connections of its own: no proxy, no cookies, no credentials, nothing shared.
 */

import { lookup as systemLookup } from 'node:dns/promises'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { type Clock, systemClock } from '../clock.ts'
import type { Source } from './file.ts'
import { type Md5Facts, md5Sink } from './fingerprint.ts'
import { openSpool } from './spool.ts'
import { type Headers, networkFault, type Probed, probed } from './web-answer.ts'
import { guardedConnector, type Lookup } from './web-guard.ts'
import { webName } from './web-name.ts'
import { siteOf, type WebPolicy, type WebRules, webRules } from './web-policy.ts'
import { type Posted, type Posting, post } from './web-post.ts'
import { fetchWhole, visit, type Wire } from './web-visit.ts'
import { defaultWebTimeouts, type WebTimeouts } from './web-watch.ts'

export type { Lookup, Md5Facts, Posted, Posting, Probed, WebPolicy, WebTimeouts }

export interface SpoolOptions {
  /** Must exist. */
  readonly dir: string
  /** The job's id, 1 to 128 of `A-Za-z0-9_-`. */
  readonly id: string
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface Md5Options {
  readonly maxBytes: number
  readonly signal: AbortSignal
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes?: number }) => void
}

/**
 * Errors of all its calls: `forbidden-address` (what the policy refuses), `invalid` (not a URL), `not-found`, `rejected`
 * (4xx, encoded, endless, untrusted TLS), `too-big`, `transient` (network, 5xx, 429, cuts, slowness; `waitMs` where the
 * server named a time), and the signal's reason. No message holds a path or query.
 */
export interface Web {
  /** Brings the body to a file in `dir` and opens it; the caller closes it, which removes the file. Also `config` (folder). */
  spool(url: string, options: SpoolOptions): Promise<Source>
  /** Asks for one byte: `rejected` unless the server keeps to Range, which WeCom's async upload needs. */
  probe(url: string, signal: AbortSignal): Promise<Probed>
  /** Reads it all and hashes it; MD5 in lower-case hex. */
  md5(url: string, options: Md5Options): Promise<Md5Facts>
  /** Sends a message and answers the status, whatever it is; redirects are not followed. */
  post(posting: Posting): Promise<Posted>
  /** Ends all connections. */
  close(): Promise<void>
}

export interface WebOptions {
  readonly clock?: Clock
  readonly timeouts?: Partial<WebTimeouts>
  /** All addresses of a name; default: the system's. */
  readonly lookup?: Lookup
}

const maxHeaderBytes = 16 * 1024
/** Per address of a name, before the next is tried; Node's 250 ms is less than a way around the world. */
const attemptMs = 1_000

const createAgent = (rules: WebRules, lookup: Lookup, { connectMs }: WebTimeouts): Agent => {
  const connect = guardedConnector<buildConnector.Options>(rules, lookup, checked =>
    buildConnector({
      allowH2: false,
      timeout: connectMs,
      lookup: checked,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: attemptMs,
      // Said again, because an environment variable can turn it off for the whole process.
      rejectUnauthorized: true,
    }),
  )
  return new Agent({ connect, allowH2: false, pipelining: 1, maxHeaderSize: maxHeaderBytes })
}

const single = (headers: Dispatcher.ResponseData['headers']): Headers =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value = '']) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  )

const exchangeBy =
  (agent: Agent): Wire['exchange'] =>
  async (url, headers, signal, sent) => {
    const site = siteOf(url)
    try {
      const { statusCode, ...response } = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: sent === undefined ? 'GET' : 'POST',
        ...(sent !== undefined && { body: sent }),
        // An encoded answer could be a bomb, and its length would be another one than the file's.
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'wecom-media', ...headers },
        signal,
        // Off: the watch counts.
        headersTimeout: 0,
        bodyTimeout: 0,
      })
      const { body } = response
      // A body that breaks before anyone reads it must not be an uncaught error.
      body.on('error', () => {})
      const drop = (): void => void body.destroy()
      return { site, url, status: statusCode, headers: single(response.headers), body, drop }
    } catch (error) {
      signal.throwIfAborted()
      throw networkFault(site, error)
    }
  }

const spool = (wire: Wire, text: string, { dir, id, maxBytes, signal }: SpoolOptions): Promise<Source> =>
  visit(wire, text, signal, async way => {
    const file = await openSpool(dir, id)
    try {
      const { headers, url } = await fetchWhole(wire, way, file, { maxBytes })
      const name = webName(headers['content-disposition'], way.url, url)
      return await file.source({ name, at: { url: url.href } })
    } catch (error) {
      // What cannot be removed now is found by the sweep; the caller needs the first fault.
      await file.discard().catch(() => {})
      throw error
    }
  })

const probe = (wire: Wire, text: string, signal: AbortSignal): Promise<Probed> =>
  visit(wire, text, signal, async ({ url, ask }) => {
    const answer = await ask({ range: 'bytes=0-0' })
    answer.drop()
    const name = webName(answer.headers['content-disposition'], url, answer.url)
    return { ...probed(answer, wire.clock.nowMs()), name }
  })

const md5 = (wire: Wire, text: string, { signal, ...options }: Md5Options): Promise<Md5Facts> =>
  visit(wire, text, signal, async way => {
    const sink = md5Sink()
    const { sizeBytes } = await fetchWhole(wire, way, sink, options)
    return { md5: sink.hex(), sizeBytes }
  })

/** A client for strangers' URLs within `policy`. Throws `config` for a host, port or network in it that is none. */
export const createWeb = (policy: WebPolicy, options: WebOptions = {}): Web => {
  const { clock = systemClock, lookup = hostname => systemLookup(hostname, { all: true }) } = options
  const timeouts = { ...defaultWebTimeouts, ...options.timeouts }
  const rules = webRules(policy)
  const agent = createAgent(rules, lookup, timeouts)
  const wire = { rules, clock, timeouts, exchange: exchangeBy(agent) }
  return {
    spool: (url, spoolOptions) => spool(wire, url, spoolOptions),
    probe: (url, signal) => probe(wire, url, signal),
    md5: (url, md5Options) => md5(wire, url, md5Options),
    post: posting => post(wire, posting),
    close: () => agent.destroy(),
  }
}
