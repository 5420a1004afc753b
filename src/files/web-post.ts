/** A small message to a stranger's server, and the status that it answers with. Redirects are not followed; of the answer's body nothing is kept. */

import { type Headers, waitIn } from './web-answer.ts'
import { visit, type Wire } from './web-visit.ts'
import { Overdue, type WebTimeouts } from './web-watch.ts'

export interface Posting {
  readonly url: string
  readonly headers: Headers
  readonly body: string
  readonly signal: AbortSignal
}

export interface Posted {
  readonly status: number
  /** Of the URL, as far as it may be shown. */
  readonly site: string
  /** The server asks to be left alone so long. */
  readonly waitMs?: number
}

/** A receiver has nothing to say but a status: impatient, so that a dead one holds no place for long. */
export const postTimeouts: Partial<WebTimeouts> = {
  connectMs: 5_000,
  headMs: 10_000,
  noProgressMs: 2_000,
  minBytesPerSecond: 1_024,
  speedWindowMs: 2_000,
  totalMs: 20_000,
}

/** Read and thrown away, so that the connection can be used again; a longer one costs the connection. */
const answerMaxBytes = 16 * 1024

/** Errors: those of the policy, `transient` (network, slowness), `rejected` (TLS), and the signal's reason. */
export const post = (wire: Wire, { url: text, headers, body, signal }: Posting): Promise<Posted> =>
  visit(wire, text, signal, async ({ url, watch }) => {
    watch.expect('head')
    const answer = await wire.exchange(url, headers, watch.signal, body)
    try {
      watch.expect('body')
      let bytes = 0
      for await (const chunk of answer.body) {
        bytes += chunk.length
        watch.alive(chunk.length)
        if (bytes > answerMaxBytes) break
      }
    } catch (error) {
      // The status has come: how its body ends changes nothing.
      if (watch.signal.aborted && !(watch.signal.reason instanceof Overdue)) throw error
    } finally {
      answer.drop()
    }
    return { status: answer.status, site: answer.site, ...waitIn(answer.headers, wire.clock.nowMs()) }
  })
