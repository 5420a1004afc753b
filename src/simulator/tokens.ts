/** Apps and their access tokens. A dead token is remembered, since "expired" and "never heard of" differ in code. */

import { randomBytes } from 'node:crypto'
import type { App, Settings } from './options.ts'
import { Refusal } from './refusal.ts'
import type { SettableClock } from './settable-clock.ts'

interface Token {
  readonly text: string
  readonly app: App
  readonly expiresAtMs: number
  /** Set when the token was taken back before its time: the code that answers it. */
  revokedWith?: DeadTokenCode
}

/** The platform reports an invalidated token as either. */
export type DeadTokenCode = 40014 | 42001

export class Tokens {
  readonly #settings: Settings
  readonly #clock: SettableClock
  #apps: App[] = []
  readonly #tokens = new Map<string, Token>()

  constructor(settings: Settings, clock: SettableClock) {
    this.#settings = settings
    this.#clock = clock
    this.reset()
  }

  reset(): void {
    this.#apps = [...this.#settings.apps]
    this.#tokens.clear()
  }

  addApp(app: App): void {
    this.#apps.push(app)
  }

  /** Answers `gettoken`; throws a `Refusal` for an unknown corp or a wrong secret. */
  issue(corpId: string, secret: string): { readonly text: string; readonly expiresInS: number } {
    const ofCorp = this.#apps.filter(app => app.corpId === corpId)
    if (ofCorp.length === 0) throw new Refusal(40013)
    const app = ofCorp.find(each => each.secret === secret)
    if (!app) throw new Refusal(40001)
    const token = this.#reusable(app) ?? this.#create(app)
    return { text: token.text, expiresInS: this.#secondsLeft(token) }
  }

  /** The app of a living token; throws a `Refusal` for every other token. */
  check(text: string | null): App {
    if (!text) throw new Refusal(41001)
    const token = this.#tokens.get(text)
    if (!token) throw new Refusal(40014)
    if (token.revokedWith) throw new Refusal(token.revokedWith)
    if (this.#clock.nowMs() >= token.expiresAtMs) throw new Refusal(42001)
    return token.app
  }

  /** Whom a token was issued to, dead or alive: for the log. */
  ownerOf(text: string | null): App | undefined {
    return text === null ? undefined : this.#tokens.get(text)?.app
  }

  /** Takes back the living tokens of a corp, or all; answers how many. */
  invalidate(corpId: string | undefined, errcode: DeadTokenCode): number {
    const living = [...this.#tokens.values()].filter(
      token => this.#isAlive(token) && (corpId === undefined || token.app.corpId === corpId),
    )
    for (const token of living) token.revokedWith = errcode
    return living.length
  }

  #reusable(app: App): Token | undefined {
    if (!this.#settings.switches.sameTokenInsideValidity) return undefined
    return [...this.#tokens.values()].find(token => token.app === app && this.#isAlive(token))
  }

  #create(app: App): Token {
    const text = randomBytes(96).toString('base64url')
    const token: Token = { text, app, expiresAtMs: this.#clock.nowMs() + this.#settings.tokenLifetimeMs }
    this.#tokens.set(text, token)
    return token
  }

  #isAlive(token: Token): boolean {
    return token.revokedWith === undefined && this.#secondsLeft(token) > 0
  }

  #secondsLeft(token: Token): number {
    return Math.floor((token.expiresAtMs - this.#clock.nowMs()) / 1000)
  }
}
