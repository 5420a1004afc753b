/**
 * The one place that repeats in process. A positive list: `transient` of repeatable methods, twice and soon; `token`
 * once and at once. Everything else goes to the caller. Each repeat passes the gate and the mark again.
 */

import pRetry, { type RetryContext } from 'p-retry'
import { Fault } from '../fault.ts'
import type { Layer } from './call.ts'
import { type MethodName, methods } from './methods.ts'

export interface RetryPolicy {
  /** Repeats after `transient` faults. Default 2. */
  readonly transientTries: number
  /** First wait in milliseconds; the next is twice as long, and each is stretched by up to 2 at random. Default 200. */
  readonly firstWaitMs: number
}

export const defaultRetryPolicy: RetryPolicy = { transientTries: 2, firstWaitMs: 200 }

const isToken = (error: unknown) => error instanceof Fault && error.kind === 'token'

/** May this fault be followed by another try? Counts the tries of one call by kind. */
function allowance({ transientTries }: RetryPolicy, method: MethodName): (error: unknown) => boolean {
  const left = { transient: methods[method].repeatable ? transientTries : 0, token: 1 }
  return error => {
    if (!(error instanceof Fault)) return false
    if (error.kind !== 'transient' && error.kind !== 'token') return false
    left[error.kind] -= 1
    return left[error.kind] >= 0
  }
}

export const withRetry =
  (policy: RetryPolicy): Layer =>
  inner =>
  async request => {
    const mayRepeat = allowance(policy, request.method)
    let last: unknown
    const attempt = async (number: number) => {
      try {
        return await inner(number > 1 ? { ...request, retried: true } : request)
      } catch (error) {
        last = error
        throw error
      }
    }
    try {
      return await pRetry(attempt, settings(policy, mayRepeat, request.signal))
    } catch (error) {
      // Of a caller who left, p-retry says only that; that the call may have been performed matters more.
      throw last instanceof Fault && last.kind === 'unknown' ? last : error
    }
  }

const settings = (
  { transientTries, firstWaitMs }: RetryPolicy,
  mayRepeat: (error: unknown) => boolean,
  signal?: AbortSignal,
) => ({
  // p-retry's own bound, one more than ours: with none left it would not ask `shouldRetry` about a token.
  retries: transientTries + 1,
  minTimeout: firstWaitMs,
  factor: 2,
  randomize: true,
  // A repeat after a token fault waits for nothing: the token is new.
  shouldConsumeRetry: ({ error }: RetryContext) => !isToken(error),
  shouldRetry: ({ error }: RetryContext) => mayRepeat(error),
  ...(signal && { signal }),
})
