/**
 * The token at hand. In the order of the code: a token with enough life is used; an ageing one is used too, while one
 * caller renews it; a remembered refusal is thrown without asking again; else one refresh, and all wait for it.
 */

import { Fault, type FaultReport } from '../fault.ts'
import { abortable } from './abortable.ts'
import type { Layer } from './call.ts'
import type { MethodName } from './methods.ts'
import { closed, createRefresh, type RefreshOptions } from './refresh.ts'
import type { Refusal, StoredToken } from './token-store.ts'

export interface Tokens {
  /**
   * A token that is valid as far as we know, and whether this call is the one that tries a shut door. Throws
   * `unavailable` or `limit` while the platform refuses the secret or the address.
   */
  current(signal?: AbortSignal): Promise<{ readonly token: string; readonly isProbe: boolean }>
  /** The platform rejected this token: forgets it, unless the store holds another one by now. */
  reject(token: string): Promise<void>
  /** The platform refuses the app's address: nobody of the fleet calls for a minute, then one. */
  shut(fault: Fault): Promise<void>
  reopen(): Promise<void>
  /** Why the app is closed now; undefined while it is not. */
  closed(): Promise<FaultReport | undefined>
}

export interface TokensOptions extends RefreshOptions {
  readonly random?: () => number
}

/**
 * A token that was seen in the store is not looked up again for so long, ms: that would be a way to Redis with each call.
 * What others learn meanwhile (the token is rejected, the door is shut) this process learns from its own next answer.
 */
const believedMs = 5_000

interface Memory {
  /** The token that was seen a moment ago, if it is not ageing yet. */
  value(): string | undefined
  /** To be called before the look; what it answers keeps what was seen, unless something was forgotten meanwhile. */
  looking(): (token: StoredToken) => void
  /** Forgets it before the work begins, whatever comes of that. */
  without<T>(work: () => Promise<T>): Promise<T>
}

function shortMemory(nowMs: () => number, isGood: (token: StoredToken) => boolean): Memory {
  let seen: { readonly token: StoredToken; readonly atMs: number } | undefined
  let forgotten = 0
  return {
    value() {
      if (!seen) return undefined
      const sinceMs = nowMs() - seen.atMs
      const now = { ...seen.token, leftMs: seen.token.leftMs - sinceMs }
      return sinceMs < believedMs && isGood(now) ? now.value : undefined
    },
    looking() {
      const [atMs, before] = [nowMs(), forgotten]
      return token => {
        if (forgotten === before) seen = { token, atMs }
      }
    },
    without(work) {
      seen = undefined
      forgotten += 1
      return work()
    },
  }
}

export function createTokens({ random = Math.random, ...options }: TokensOptions): Tokens {
  const { store, key, clock, lockMs } = options
  // The last 5 to 10 % of a token's life, another share in each process, so that not all come at once.
  const ageingShare = 0.05 + 0.05 * random()
  const isGood = ({ leftMs, lifeMs }: StoredToken) => leftMs >= lifeMs * ageingShare
  const refresh = createRefresh(options, isGood)
  let flight: Promise<string> | undefined
  const memory = shortMemory(() => clock.monotonicMs(), isGood)
  let noRenewalBeforeMs = Number.NEGATIVE_INFINITY

  /** All callers of this process share one refresh, and none of them can stop it. */
  const shared = () => {
    flight ??= refresh.wait().finally(() => {
      flight = undefined
    })
    return flight
  }

  /** An ageing token still works: a renewal that fails, or that another does, changes nothing. */
  const renewed = async (token: string) => {
    if (clock.monotonicMs() < noRenewalBeforeMs) return token
    noRenewalBeforeMs = clock.monotonicMs() + lockMs
    return (await refresh.once().catch(() => undefined)) ?? token
  }

  const at = async (token?: StoredToken, refusal?: Refusal, signal?: AbortSignal): Promise<string> => {
    if (token && (isGood(token) || refusal)) return token.value
    if (token) return abortable(renewed(token.value), signal)
    if (refusal) throw closed(refusal)
    return abortable(shared(), signal)
  }

  return {
    async current(signal) {
      const value = memory.value()
      if (value !== undefined) return { token: value, isProbe: false }
      const keep = memory.looking()
      const { token, refusal, shut, isProbe = false } = await abortable(store.look(key, true), signal)
      if (shut) throw closed(shut)
      if (token && !refusal && !isProbe) keep(token)
      return { token: await at(token, refusal, signal), isProbe }
    },
    reject: token => memory.without(() => store.forget(key, token)),
    shut: fault => memory.without(() => store.shut(key, fault.report())),
    reopen: () => store.reopen(key),
    async closed() {
      const { refusal, shut } = await store.look(key)
      return (shut ?? refusal)?.report
    },
  }
}

/** The tokens that a method needs; undefined when it needs none. Throws `config` when the app cannot have them. */
export type TokensFor = (method: MethodName) => Tokens | undefined

/** Puts the token in. It is at hand before the gate, so that a refresh costs no grant. */
export const withToken =
  (tokensFor: TokensFor): Layer =>
  inner =>
  async request => {
    const tokens = tokensFor(request.method)
    if (!tokens) return inner(request)
    const { token, isProbe } = await tokens.current(request.signal)
    try {
      const answer = await inner({ ...request, token })
      if (isProbe) await tokens.reopen()
      return answer
    } catch (error) {
      if (error instanceof Fault && error.kind === 'token') await tokens.reject(token)
      const errcode = error instanceof Fault ? error.errcode : undefined
      if (error instanceof Fault && errcode !== undefined && notTrusted.includes(errcode))
        await tokens.shut(error)
      // Any other answer was given to an address that is trusted.
      else if (isProbe && errcode !== undefined) await tokens.reopen()
      throw error
    }
  }

/** The caller's address is not trusted: no call of the app gets through, only gettoken does (facts §10). */
const notTrusted = [60020, 301042]
