/** How a receiver knows that a message is ours: the signature of Standard Webhooks 1.0, over id, time and body. Pure. */

import { createHmac } from 'node:crypto'

/** `whsec_` and base64, as generators of such secrets write them; anything else is taken as it stands. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret)

/** What is signed. Source: Standard Webhooks 1.0, "Signature scheme". */
interface Signed {
  readonly id: string
  /** Of this delivery, whole seconds since 1970. */
  readonly timestampS: number
  readonly body: string
}

/** The headers that authenticate a message. One signature for each secret: while one is replaced, both are valid. */
export function signedHeaders(secrets: readonly string[], { id, timestampS, body }: Signed) {
  const signatures = secrets.map(secret => {
    const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestampS}.${body}`)
    return `v1,${mac.digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.join(' '),
  }
}
