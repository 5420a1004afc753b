/**
 * Where an app's tokens come from, by its kind. The calls for tokens pass no gate: they have no media rules, and a
 * refresh is one for the fleet as it is.
 */

import type { ZodType } from 'zod'
import type { Clock } from '../clock.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { readReply } from './answer.ts'
import { type Call, onion, type Request } from './call.ts'
import {
  type Credentials,
  cannotCall,
  type SecretCredentials,
  type Suite,
  type ThirdPartyCredentials,
} from './credentials.ts'
import { jsonBody } from './json-body.ts'
import { type MethodName, methods, type TokenKind } from './methods.ts'
import { providerTokenReply, suiteTokenReply, tokenReply } from './replies.ts'
import { withRetry } from './retry.ts'
import { createTokens, type Tokens, type TokensFor, withToken } from './token.ts'
import { suiteKey, tokenKey } from './token-key.ts'
import type { TokenStore } from './token-store.ts'

export interface AppTokens {
  readonly of: TokensFor
  /** Why the platform refuses the app or its suite now. */
  closed(): Promise<FaultReport | undefined>
}

interface Context {
  /** The app's configured id. */
  readonly app: string
  readonly baseUrl: string
  readonly transport: Call
  readonly store: TokenStore
  readonly clock: Clock
  /** Ends refreshes when the client is closed. */
  readonly signal: AbortSignal
}

/** A call for a token is a small one: its deadline, and the life of the lock around it, which must be longer. Milliseconds. */
const callMs = 10_000
const lockMs = 12_000

/** Three calls under one lock at worst: a corp's token, a suite's because that was refused, and the corp's again. */
const chainLockMs = 3 * lockMs

/** A suite's token that was rejected is renewed once; the platform is not asked twice about anything else. */
const onlyToken = { transientTries: 0, firstWaitMs: 0 }

/** The tokens that this app can have. */
export function createAppTokens(credentials: Credentials, context: Context): AppTokens {
  const { kind = 'self-built' } = credentials
  const tokens =
    credentials.kind === 'third-party' ? ofTenant(credentials, context) : ofSecret(credentials, context)
  return {
    of(method) {
      const name: TokenKind | undefined = methods[method].token
      if (name === undefined) return undefined
      const found = tokens[name]
      if (!found) throw cannotCall(method, name, context.app, kind)
      return found
    },
    async closed() {
      for (const each of Object.values(tokens)) {
        const report = await each.closed()
        if (report) return report
      }
      return undefined
    },
  }
}

type ByKind = Partial<Record<TokenKind, Tokens>>

function ofSecret(credentials: SecretCredentials, context: Context): ByKind {
  const { kind, corpId, secret } = credentials
  const common = {
    ...context,
    key: tokenKey(context.baseUrl, credentials, context.app),
    lockMs,
    owner: `app "${context.app}"`,
  }
  if (kind === 'provider') {
    const body = jsonBody({ corpid: corpId, provider_secret: secret })
    const fetch = async (signal?: AbortSignal) => {
      const reply = await ask(context.transport, 'service/get_provider_token', providerTokenReply, {
        body,
        signal,
      })
      return { value: reply.provider_access_token, lifeMs: reply.expires_in * 1000 }
    }
    return { provider_access_token: createTokens({ ...common, fetch }) }
  }
  const query = { corpid: corpId, corpsecret: secret }
  const fetch = async (signal?: AbortSignal) => {
    const reply = await ask(context.transport, 'gettoken', tokenReply, { query, signal })
    return { value: reply.access_token, lifeMs: reply.expires_in * 1000 }
  }
  return { access_token: createTokens({ ...common, fetch }) }
}

function ofTenant(credentials: ThirdPartyCredentials, context: Context): ByKind {
  const { corpId, permanentCode, suite } = credentials
  const suiteTokens = ofSuite(suite, context)
  const call = onion(
    context.transport,
    withRetry(onlyToken),
    withToken(() => suiteTokens),
  )
  const body = jsonBody({ auth_corpid: corpId, permanent_code: permanentCode })
  const tokens = createTokens({
    ...context,
    key: tokenKey(context.baseUrl, credentials, context.app),
    lockMs: chainLockMs,
    owner: `app "${context.app}"`,
    async fetch(signal) {
      const reply = await ask(call, 'service/get_corp_token', tokenReply, { body, signal })
      return { value: reply.access_token, lifeMs: reply.expires_in * 1000 }
    },
  })
  return { access_token: tokens, suite_access_token: suiteTokens }
}

function ofSuite(suite: Suite, context: Context): Tokens {
  const { suiteId, suiteSecret, tickets } = suite
  return createTokens({
    ...context,
    key: suiteKey(context.baseUrl, suite),
    lockMs,
    owner: `suite "${suiteId}"`,
    async fetch(signal) {
      const ticket = await tickets.newest(suiteId)
      if (ticket === undefined) throw noTicket(suiteId)
      const body = jsonBody({ suite_id: suiteId, suite_secret: suiteSecret, suite_ticket: ticket })
      const reply = await ask(context.transport, 'service/get_suite_token', suiteTokenReply, { body, signal })
      return { value: reply.suite_access_token, lifeMs: reply.expires_in * 1000 }
    },
  })
}

type Asked = Pick<Request<unknown>, 'body'> & {
  readonly query?: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

async function ask<T>(
  call: Call,
  method: MethodName,
  schema: ZodType<T>,
  { signal, query = {}, ...rest }: Asked,
): Promise<T> {
  const read = readReply(schema)
  const { value } = await call({
    ...rest,
    method,
    query,
    read,
    totalMs: callMs,
    ...(signal && { signal }),
  })
  return value
}

const noTicket = (suiteId: string) =>
  new Fault(
    'unavailable',
    `no suite_ticket has come yet for suite "${suiteId}": the platform pushes one every 10 minutes to the suite's command callback; it can be pushed again by hand in the console`,
    { waitMs: 60_000 },
  )
