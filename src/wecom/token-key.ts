/** The names of tokens in a store. Hashes, so that no key shows a corp or a secret; each has every dimension in it. */

import { createHash } from 'node:crypto'
import type { Credentials, Suite } from './credentials.ts'
import type { TokenKey } from './token-store.ts'

const hash = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

const key = (names: readonly string[], secret: string): TokenKey => ({
  app: hash(names),
  secret: hash([...names, secret]),
})

/** The key of an app's token at one platform. */
export function tokenKey(baseUrl: string, credentials: Credentials, app: string): TokenKey {
  const { kind = 'self-built', corpId } = credentials
  if (credentials.kind === 'third-party') {
    return key([baseUrl, kind, corpId, app, credentials.suite.suiteId], credentials.permanentCode)
  }
  // Without its kind, as the first version wrote it: versions of a fleet share the token while they are exchanged.
  if (kind === 'self-built') return key([baseUrl, corpId, app], credentials.secret)
  return key([baseUrl, kind, corpId, app, ''], credentials.secret)
}

/** The key of a suite's token, which all its tenants share. */
export const suiteKey = (baseUrl: string, { suiteId, suiteSecret }: Suite): TokenKey =>
  key([baseUrl, 'suite', '', '', suiteId], suiteSecret)
