/**
 * Tokens of all three kinds. A dead one is remembered, since "expired" and "never heard of" differ in code, and so
 * is the kind: a token for one kind of method is refused by the others.
 */

import { randomBytes } from 'node:crypto'
import type { Grantee, Provider, Suite } from './apps.ts'
import type { Directory } from './directory.ts'
import type { Settings } from './options.ts'
import { Refusal, refusalFor } from './refusal.ts'
import { type TokenKind, tokenCodes } from './rules.ts'
import type { SettableClock } from './settable-clock.ts'

/** Whom a token of each kind speaks for. */
interface Holders {
  readonly access: Grantee
  readonly suite: Suite
  readonly provider: Provider
}

interface Token {
  readonly text: string
  readonly kind: TokenKind
  readonly holder: Holders[TokenKind]
  readonly expiresAtMs: number
  /** Set when the token was taken back before its time: what it is answered as. */
  deadAs?: 'unknown' | 'expired'
}

/** The platform reports an invalidated token as either; those of a suite have codes of their own. */
export type DeadTokenCode = 40014 | 42001

/** Which tokens are taken back: what is absent does not matter. */
export interface Invalidation {
  readonly corpId?: string | undefined
  readonly suiteId?: string | undefined
  readonly kind?: TokenKind | undefined
  /**
   * What the dead token is answered with from now on; the platform does both. For the token of a suite they stand for
   * 40082 and 42009. Default 40014.
   */
  readonly errcode?: DeadTokenCode | undefined
}

export interface IssuedToken {
  readonly text: string
  readonly expiresInS: number
}

export interface Owner {
  readonly corpId?: string | undefined
  readonly agent?: string | undefined
}

export class Tokens {
  readonly #settings: Settings
  readonly #directory: Directory
  readonly #clock: SettableClock
  readonly #tokens = new Map<string, Token>()

  constructor(settings: Settings, directory: Directory, clock: SettableClock) {
    this.#settings = settings
    this.#directory = directory
    this.#clock = clock
  }

  clear(): void {
    this.#tokens.clear()
  }

  issue<Kind extends TokenKind>(kind: Kind, holder: Holders[Kind]): IssuedToken {
    const token = this.#reusable(kind, holder) ?? this.#create(kind, holder)
    return { text: token.text, expiresInS: this.#secondsLeft(token) }
  }

  /** Whom a living access token speaks for; throws a `Refusal` for every other token. */
  check(text: string | null): Grantee {
    return this.#check('access', text)
  }

  checkSuite(text: string | null): Suite {
    return this.#check('suite', text)
  }

  checkProvider(text: string | null): Provider {
    return this.#check('provider', text)
  }

  /** Whom a token was issued to, dead or alive: for the log and the limits. A suite's label is its id. */
  ownerOf(text: string | null): Owner | undefined {
    const holder = text === null ? undefined : this.#tokens.get(text)?.holder
    return holder && isSuite(holder) ? { corpId: holder.providerCorpId, agent: holder.suiteId } : holder
  }

  /** Takes back living tokens; answers how many. */
  invalidate({ corpId, suiteId, kind, errcode }: Invalidation): number {
    const living = [...this.#tokens.values()].filter(
      token =>
        this.#isAlive(token) &&
        (kind === undefined || token.kind === kind) &&
        (corpId === undefined || this.ownerOf(token.text)?.corpId === corpId) &&
        (suiteId === undefined || ('suiteId' in token.holder && token.holder.suiteId === suiteId)),
    )
    for (const token of living) token.deadAs = errcode === 42001 ? 'expired' : 'unknown'
    return living.length
  }

  #check<Kind extends TokenKind>(kind: Kind, text: string | null): Holders[Kind] {
    const codes = tokenCodes[kind]
    if (!text) throw new Refusal(codes.missing)
    const token = this.#tokens.get(text)
    if (!token) throw new Refusal(codes.unknown)
    if (token.kind !== kind) throw refusalFor('wrong-token-kind', this.#settings.switches)
    if (token.deadAs) throw new Refusal(codes[token.deadAs])
    if (this.#directory.hasLost(token.holder)) throw new Refusal(codes.unknown)
    if (this.#clock.nowMs() >= token.expiresAtMs) throw new Refusal(codes.expired)
    return token.holder as Holders[Kind]
  }

  #reusable(kind: TokenKind, holder: Token['holder']): Token | undefined {
    if (!this.#settings.switches.sameTokenInsideValidity) return undefined
    return [...this.#tokens.values()].find(
      token => token.kind === kind && token.holder === holder && this.#isAlive(token),
    )
  }

  #create(kind: TokenKind, holder: Token['holder']): Token {
    const text = randomBytes(96).toString('base64url')
    const expiresAtMs = this.#clock.nowMs() + this.#settings.tokenLifetimeMs
    const token: Token = { text, kind, holder, expiresAtMs }
    this.#tokens.set(text, token)
    return token
  }

  #isAlive(token: Token): boolean {
    return token.deadAs === undefined && this.#secondsLeft(token) > 0
  }

  #secondsLeft(token: Token): number {
    return Math.floor((token.expiresAtMs - this.#clock.nowMs()) / 1000)
  }
}

const isSuite = (holder: Token['holder']): holder is Suite => 'suiteSecret' in holder
