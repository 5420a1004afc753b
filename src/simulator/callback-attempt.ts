/** One attempt to bring a callback to its receiver: POST, or GET for a check, cut when it takes too long. */

import { systemClock } from '../clock.ts'
import type { Attempt } from './callback-log.ts'
import { ask, textOf } from './outgoing.ts'

const maxAnswerBytes = 64 * 1024

interface Request {
  readonly url: string
  /** Absent for a check, which is a GET. */
  readonly body?: string | undefined
  readonly timeoutMs: number
}

/** Never rejects: what went wrong stands in the attempt, unless `signal` ended it, which throws its reason. */
export async function attempt({ url, body, timeoutMs }: Request, signal: AbortSignal): Promise<Attempt> {
  const [atMs, startedMs] = [systemClock.nowMs(), systemClock.monotonicMs()]
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutMs)
  const ended = (facts: Partial<Attempt>): Attempt => {
    const ms = Math.round(systemClock.monotonicMs() - startedMs)
    return { atMs, ms, ...facts }
  }
  try {
    const either = AbortSignal.any([signal, timeout.signal])
    const sending = body === undefined ? ({ method: 'GET' } as const) : posted(body)
    const answer = await ask(url, { ...sending, signal: either })
    return ended({ status: answer.statusCode ?? 0, body: await textOf(answer, maxAnswerBytes) })
  } catch (error) {
    signal.throwIfAborted()
    return ended({ error: timeout.signal.aborted ? 'timeout' : reasonOf(error) })
  } finally {
    clearTimeout(timer)
  }
}

const posted = (body: string) =>
  ({
    method: 'POST',
    headers: { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body) },
    body,
  }) as const

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
