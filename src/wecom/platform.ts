/** Where the platform is and how long its media live; the base URL may carry no query, or a token could be lost in it. */

import { Fault } from '../fault.ts'

/** Source: facts §10, https only on the public service. */
export const defaultBaseUrl = 'https://qyapi.weixin.qq.com/cgi-bin'

/** A temporary media_id lives 3 days from its `created_at` (document/path/90253). Milliseconds. */
export const mediaLifeMs = 3 * 24 * 60 * 60 * 1000

/** The platform's clock and ours may differ so much, ms; hosts that keep time differ by less than a second. */
const clockToleranceMs = 10 * 60 * 1000

/**
 * When a medium was made: the platform's word, unless that lies in the future. Then it is now by our own clock, which is
 * never later than the truth by more than that clock is wrong: nothing is taken for alive that may be dead.
 */
export const madeAtMs = (createdAtS: number, nowMs: number): number =>
  createdAtS * 1000 > nowMs + clockToleranceMs ? nowMs : createdAtS * 1000

export interface Platform {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path in front of every method, without a slash at its end. */
  readonly path: string
  /** The base URL in one spelling; part of every key that is stored. */
  readonly baseUrl: string
}

/** Parses a base URL such as `http://127.0.0.1:8080/cgi-bin`; throws `config` when it is none. */
export function platformAt(baseUrl: string): Platform {
  const url = URL.parse(baseUrl)
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash
  if (!isPlain) {
    throw new Fault(
      'config',
      'the base URL must be http(s)://host[:port]/path without user, query or hash; set WECOM_BASE_URL (default https://qyapi.weixin.qq.com/cgi-bin)',
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  return { origin: url.origin, path, baseUrl: url.origin + path }
}
