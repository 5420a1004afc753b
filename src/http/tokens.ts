/** Who is calling: a bearer token and what it may do. Only hashes are kept and compared, all of them each time. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { TokenConfig } from '../config.ts'

export interface Caller {
  /** Of the token's row. */
  readonly name: string
  readonly rights: TokenConfig['rights']
  mayUse(app: string): boolean
}

/** Who sends this `authorization` header; undefined for everybody that nothing is to be told. */
export type Authenticate = (header: string | undefined) => Caller | undefined

/** 256 random bits, behind a prefix by which people, scanners and our logs know what it is. */
export const newToken = (): string => `wmt_${randomBytes(32).toString('base64url')}`

/** Of a token with that much randomness a plain hash is enough: there is nothing to guess. */
export const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex')

const bearer = /^Bearer ([\x21-\x7e]{16,256})$/i

export function authenticator(tokens: readonly TokenConfig[]): Authenticate {
  const rows = tokens.map(row => ({ hash: Buffer.from(row.sha256, 'hex'), caller: callerOf(row) }))
  return header => {
    const token = bearer.exec(header ?? '')?.[1]
    if (token === undefined) return undefined
    const hash = Buffer.from(hashOfToken(token), 'hex')
    return rows.reduce<Caller | undefined>(
      (found, row) => (timingSafeEqual(row.hash, hash) ? row.caller : found),
      undefined,
    )
  }
}

function callerOf({ name, rights, apps }: TokenConfig): Caller {
  const named = new Set(apps)
  return { name, rights, mayUse: app => named.has('*') || named.has(app) }
}
