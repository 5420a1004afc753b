/**
 * Who may call the platform: apps of one company, suites with the companies that authorised them, providers. Each
 * kind gets its own kind of token by its own method, and a token of one kind is nothing to the others' methods.
 */

import type { CallbackTarget } from './callback-target.ts'
import { Refusal } from './refusal.ts'

/** 客户联系 (企业客户 for apps made by a provider): the asynchronous upload and attachments need it. */
export const permissions = ['customer-contact'] as const

export type Permission = (typeof permissions)[number]

/** Whom an `access_token` speaks for. Media belong to the corp, tokens to the app. */
export interface Grantee {
  readonly corpId: string
  /** A label of this app, repeated in the log. */
  readonly agent?: string | undefined
  /** What it may do besides what every app may. Default: everything. */
  readonly permissions?: readonly Permission[] | undefined
}

/** An app of one company, whose token comes from `gettoken`. */
export interface App extends Grantee {
  /** For an app that a provider made for this company (代开发): the permanent code (p/97164). */
  readonly secret: string
  /** `service/get_corp_token` is the wrong method for the permanent code of an agent-built app. Default 'self-built'. */
  readonly kind?: 'self-built' | 'agent-built' | undefined
  /** Where its callbacks go. Default: it gets none. */
  readonly callback?: CallbackTarget | undefined
}

/** A third-party app, of a provider, for many companies; its token comes from `service/get_suite_token`. */
export interface Suite {
  readonly suiteId: string
  readonly suiteSecret: string
  /** Whose calls its suite token makes: what limits count, and the log tells. Default: nobody's. */
  readonly providerCorpId?: string | undefined
  /** Where its own callbacks go, and those about its tenants. Default: it gets none. */
  readonly callback?: CallbackTarget | undefined
}

/** A company that authorised a suite; its token comes from `service/get_corp_token`. */
export interface Tenant extends Grantee {
  readonly suiteId: string
  readonly permanentCode: string
}

/** A service provider; its token comes from `service/get_provider_token`. */
export interface Provider {
  readonly corpId: string
  readonly providerSecret: string
}

export interface Accounts {
  readonly apps: readonly App[]
  readonly suites: readonly Suite[]
  readonly tenants: readonly Tenant[]
  readonly providers: readonly Provider[]
}

/** Throws 48002 for an app that lacks the permission; it is asked for after the token and before anything else. */
export function demand({ permissions }: Grantee, permission: Permission): void {
  if (permissions && !permissions.includes(permission)) throw new Refusal(48002)
}
