/** The HTTP API of one deployment, and callers with tokens of their own. */

import { hashOfToken, newToken } from '../../src/http/tokens.ts'
import { type Deployment, type DeploymentOptions, deploy } from '../support/deployment.ts'

export interface Answered {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the test says.
  readonly body: any
}

export interface ApiCaller {
  readonly token: string
  call(verb: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>
}

export interface ApiDeployment extends Deployment {
  readonly url: string
  /** Of the app `default`, with all rights. */
  readonly shop: ApiCaller
  /** Of the app `default`, and may only read. */
  readonly reader: ApiCaller
  /** Of the app `other`. */
  readonly other: ApiCaller
  readonly stranger: ApiCaller
}

const rowOf = (name: string, token: string, more: object = {}) => ({
  ...{ name, sha256: hashOfToken(token), apps: ['default'] },
  ...more,
})

export const tokens = { shop: newToken(), reader: newToken(), other: newToken(), stranger: newToken() }

const tokenRows = [
  rowOf('shop', tokens.shop),
  rowOf('reader', tokens.reader, { rights: ['read'] }),
  rowOf('other', tokens.other, { apps: ['other'] }),
]

/** `other` is an app of the same company. */
const twoApps = { WECOM_MEDIA_APPS: `${import.meta.dirname}/two-apps.json` }

export async function deployApi(
  options: DeploymentOptions & { readonly only?: 'http' } = {},
): Promise<ApiDeployment> {
  const deployment = await deploy({
    ...options,
    tokens: tokenRows,
    env: { ...twoApps, ...options.env },
  })
  const { publicUrl: url = '' } = await deployment.startHere({}, options.only)
  return {
    ...deployment,
    url,
    shop: callerOf(url, tokens.shop),
    reader: callerOf(url, tokens.reader),
    other: callerOf(url, tokens.other),
    stranger: callerOf(url, tokens.stranger),
  }
}

export const callerOf = (url: string, token: string): ApiCaller => ({
  token,
  async call(verb, path, body, headers = {}) {
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof FormData)
    const answer = await fetch(`${url}${path}`, {
      method: verb,
      headers: {
        authorization: `Bearer ${token}`,
        ...(isJson && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as string | FormData) }),
    })
    const text = await answer.text()
    const type = answer.headers.get('content-type') ?? ''
    return {
      ...{ status: answer.status, headers: answer.headers },
      body: /json/.test(type) ? JSON.parse(text) : text,
    }
  },
})
