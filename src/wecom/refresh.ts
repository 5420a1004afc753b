/**
 * One refresh for the whole fleet: a lock with an owner and a life, and a second look behind it. Whoever dies with
 * the lock holds the others up for its life; whoever fails gives it back at once.
 */

import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { Refusal, Stored, StoredToken, TokenKey, TokenStore } from './token-store.ts'

export interface RefreshOptions {
  readonly store: TokenStore
  readonly key: TokenKey
  /** Asks the platform; must be done well before `lockMs`. */
  readonly fetch: (signal?: AbortSignal) => Promise<{ value: string; lifeMs: number }>
  readonly clock: Clock
  /** Life of the lock in milliseconds. */
  readonly lockMs: number
  /** Whose token it is, for messages: `app "crm"`. */
  readonly owner: string
  /** Ends refreshes when the client is closed. No caller's signal: others wait for the same refresh. */
  readonly signal?: AbortSignal
}

export interface Refresh {
  /** One attempt; undefined when another is at it. */
  once(): Promise<string | undefined>
  /** Until there is a token, another's or our own. */
  wait(): Promise<string>
}

/** A wrong secret repeated gets the IP blocked (facts §7.1): one probe a minute for the fleet. */
const refusalMs = 60_000

/** How often a waiting process looks whether the refresher is done. */
const lookEveryMs = 100

export function createRefresh(options: RefreshOptions, isGood: (token: StoredToken) => boolean): Refresh {
  const { store, key, clock, lockMs, signal } = options

  const found = ({ token, refusal }: Stored): string | undefined => {
    if (token && isGood(token)) return token.value
    if (refusal && !token) throw closed(refusal)
    return undefined
  }

  const once = async () => {
    const holder = randomUUID()
    if (!(await store.lock(key, holder, lockMs))) return undefined
    try {
      return await asHolder(options, holder, found)
    } finally {
      await store.release(key, holder)
    }
  }

  const wait = async () => {
    const endMs = clock.monotonicMs() + 3 * lockMs
    while (clock.monotonicMs() < endMs) {
      const token = (await once()) ?? found(await store.look(key))
      if (token !== undefined) return token
      await clock.sleep(lookEveryMs, signal)
    }
    throw new Fault(
      'transient',
      `others try to renew the token of ${options.owner} without success; try again`,
    )
  }

  return { once, wait }
}

/** With the lock in hand: a second look, because another may have been here since the first; then the platform. */
async function asHolder(
  { store, key, fetch, owner, signal }: RefreshOptions,
  holder: string,
  found: (stored: Stored) => string | undefined,
): Promise<string> {
  const there = found(await store.look(key))
  if (there !== undefined) return there
  try {
    const { value, lifeMs } = await fetch(signal)
    // Whoever lost the lock on the way stores nothing over a newer token; this one is good all the same.
    await store.accept(key, holder, value, lifeMs)
    return value
  } catch (error) {
    const refusal = refusalFrom(error, owner)
    if (!refusal) throw error
    await store.refuse(key, holder, refusal.report, refusal.leftMs)
    throw closed(refusal)
  }
}

/** A refusal that is remembered already. */
class Closed extends Fault {}

/** What a remembered refusal says to a caller. */
export const closed = ({ report: { kind, message, errcode }, leftMs }: Refusal): Fault =>
  new Closed(kind, message, { waitMs: leftMs, ...(errcode !== undefined && { errcode }) })

/**
 * Any errcode that a token method answers closes the owner for a minute, except *busy*: a wrong secret because
 * repeating it gets the IP blocked, a limit because asking on keeps it up. Without an errcode nobody refused anything;
 * a suite's refusal is the suite's, and its minute must not begin anew for each of its tenants.
 */
function refusalFrom(error: unknown, owner: string): Refusal | undefined {
  if (!(error instanceof Fault) || error instanceof Closed) return undefined
  if (error.errcode === undefined || error.kind === 'busy') return undefined
  const kind = error.kind === 'limit' ? 'limit' : 'unavailable'
  const message = `${owner} is closed for a minute: ${error.message}`
  return { report: { kind, message, errcode: error.errcode }, leftMs: refusalMs }
}
