/** What goes over the wire for one callback: its URL with the signature, and the envelope around what is encrypted. */

import { randomBytes, randomInt } from 'node:crypto'
import { encryptCallback, randomBytesBefore, signCallback } from './callback-crypto.ts'
import type { Destination } from './callback-target.ts'
import { xml } from './callback-xml.ts'

export interface Packet {
  readonly url: string
  readonly body: string
}

export interface Wrapping {
  readonly nowS: number
  /** A wrong signature. */
  readonly garbled?: boolean
}

/** Random as on the platform: 16 bytes of letters and digits before the message, a nonce of digits. */
export const encryptFor = ({ aesKey, receiveId }: Destination, message: string): string =>
  encryptCallback(aesKey, message, receiveId, Buffer.from(randomBytes(randomBytesBefore / 2).toString('hex')))

export function packetOf(to: Destination, encrypted: string, { nowS, garbled = false }: Wrapping): Packet {
  const { toUserName, agentId } = to
  return {
    url: signedUrl(to, encrypted, { nowS, garbled }),
    body: xml({ ToUserName: toUserName, AgentID: agentId, Encrypt: encrypted }),
  }
}

/** The URL of a check: the encrypted text goes along as `echostr`. */
export const checkUrl = (to: Destination, encrypted: string, nowS: number): string =>
  `${signedUrl(to, encrypted, { nowS })}&${new URLSearchParams({ echostr: encrypted })}`

function signedUrl({ url, token }: Destination, encrypted: string, { nowS, garbled }: Wrapping): string {
  const nonce = `${randomInt(10 ** 9, 10 ** 10)}`
  const signature = signCallback(token, `${nowS}`, nonce, encrypted)
  const query = new URLSearchParams({
    msg_signature: garbled ? wrong(signature) : signature,
    timestamp: `${nowS}`,
    nonce,
  })
  return `${url}${url.includes('?') ? '&' : '?'}${query}`
}

/** As long, as hexadecimal, and never the right one. */
const wrong = (signature: string): string => (signature.startsWith('0') ? '1' : '0') + signature.slice(1)
