/**
 * What an app proves itself with, and which tokens its kind can have. A third-party app calls with the company's
 * access_token like any other; the suite's own token only opens the door to that one (facts §1.1 row 1).
 */

import { Fault } from '../fault.ts'
import type { MethodName, TokenKind } from './methods.ts'
import type { TicketStore } from './ticket-store.ts'

export interface SecretCredentials {
  /**
   * Default `self-built`. Of an `agent-built` app (代开发) the permanent code is the secret; a `provider` (服务商) has the
   * provider's corp id and secret, and calls `uploadForProvider` only.
   */
  readonly kind?: 'self-built' | 'agent-built' | 'provider' | undefined
  readonly corpId: string
  readonly secret: string
}

export interface Suite {
  readonly suiteId: string
  readonly suiteSecret: string
  /** Where the callback puts the platform's tickets. */
  readonly tickets: TicketStore
}

/** A third-party app (第三方应用) at one company. Give its clients one `tokens` store: they share the suite's token. */
export interface ThirdPartyCredentials {
  readonly kind: 'third-party'
  /** Of the company that authorised the app. */
  readonly corpId: string
  readonly permanentCode: string
  readonly suite: Suite
}

export type Credentials = SecretCredentials | ThirdPartyCredentials

export type AppKind = NonNullable<Credentials['kind']>

/** TABLE: the tokens that each kind of app can have (facts §7). */
const tokensOfKind: Readonly<Record<AppKind, readonly TokenKind[]>> = {
  'self-built': ['access_token'],
  'agent-built': ['access_token'],
  'third-party': ['access_token', 'suite_access_token'],
  provider: ['provider_access_token'],
}

/** Throws `config` for credentials that are incomplete or of a kind that is not there. */
export function checkCredentials(credentials: Credentials, app: string): void {
  const { kind = 'self-built', corpId } = credentials
  if (!Object.hasOwn(tokensOfKind, kind)) {
    throw new Fault('config', `app "${app}" is of no known kind: use ${Object.keys(tokensOfKind).join(', ')}`)
  }
  if (credentials.kind !== 'third-party') {
    if (corpId && credentials.secret) return
    throw new Fault('config', 'corp id or secret is missing: set WECOM_CORP_ID and WECOM_CORP_SECRET')
  }
  const { permanentCode, suite } = credentials
  if (corpId && permanentCode && suite?.suiteId && suite.suiteSecret && suite.tickets) return
  const needed = 'corp id, permanent code, suite id, suite secret and a ticket store'
  throw new Fault('config', `third-party app "${app}" is incomplete: it needs ${needed}`)
}

/** The fault of an app whose kind can never have the token that a method asks for. */
export function cannotCall(method: MethodName, token: TokenKind, app: string, kind: AppKind): Fault {
  const kinds = Object.keys(tokensOfKind) as AppKind[]
  const fitting = kinds.filter(each => tokensOfKind[each].includes(token)).join(', ')
  return new Fault(
    'config',
    `${method} needs a ${token}, which app "${app}" cannot have because it is ${kind}: use an app of kind ${fitting}; nothing was sent`,
  )
}
