/** One visit to a URL, from the first check to the last byte: redirects by hand, every hop through the rules, one watch over it all. */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Headers, locationIn, type WebAnswer } from './web-answer.ts'
import { siteOf, type WebRules } from './web-policy.ts'
import { type Sink, type TransferOptions, type Transferred, transfer } from './web-transfer.ts'
import { Overdue, startWatch, type Watch, type WebTimeouts } from './web-watch.ts'

export interface Wire {
  readonly rules: WebRules
  readonly clock: Clock
  readonly timeouts: WebTimeouts
  /** One request and the head of its answer; throws Faults, and the signal's reason. A GET, with `body` a POST. */
  readonly exchange: (url: URL, headers: Headers, signal: AbortSignal, body?: string) => Promise<WebAnswer>
}

export interface Visit {
  readonly url: URL
  readonly watch: Watch
  /** Follows redirects. */
  ask(headers: Headers): Promise<WebAnswer>
}

const maxRedirects = 3

/** Each target of a redirect passes the same rules, and gets nothing but our own few headers. */
const askFor =
  (wire: Wire, first: URL, watch: Watch) =>
  async (headers: Headers): Promise<WebAnswer> => {
    let url = first
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      watch.expect('head')
      const answer = await wire.exchange(url, headers, watch.signal)
      try {
        const location = locationIn(answer)
        if (location === undefined) return answer
        url = wire.rules.follow(url, location)
      } catch (error) {
        answer.drop()
        throw error
      }
      answer.drop()
    }
    throw new Fault(
      'rejected',
      `${siteOf(first)} redirects more than ${maxRedirects} times: name the URL it leads to`,
    )
  }

/** Errors: those of `admit` and `work`, `transient` where the server was too slow, and the signal’s reason. */
export const visit = async <T>(
  wire: Wire,
  text: string,
  signal: AbortSignal,
  work: (visit: Visit) => Promise<T>,
): Promise<T> => {
  signal.throwIfAborted()
  const url = wire.rules.admit(text)
  const watch = startWatch(wire.clock, wire.timeouts, signal)
  try {
    return await work({ url, watch, ask: askFor(wire, url, watch) })
  } catch (error) {
    signal.throwIfAborted()
    const { reason } = watch.signal
    if (reason instanceof Overdue)
      throw new Fault('transient', `${siteOf(url)}: ${reason.message}; try again later`)
    throw error
  } finally {
    watch.stop()
  }
}

/** The whole file into the sink. Errors: those of `transfer`. */
export const fetchWhole = (
  { clock, timeouts }: Wire,
  { ask, watch }: Visit,
  sink: Sink,
  options: Pick<TransferOptions, 'maxBytes' | 'onProgress'>,
): Promise<Transferred> => {
  const { resumeGapsMs } = timeouts
  return transfer({ ask, sink, resumeGapsMs, clock, watch, ...options })
}
