/**
 * The platform's signed and encrypted envelope: strings and a time in, a message out, no I/O. The order matters: formats,
 * then the signature, then decryption. The signature has no separators, so only strict formats tell its parts apart.
 */

import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto'
import { Fault } from '../fault.ts'
import { checkFresh, timeMs } from './fresh.ts'
import { Refused } from './refused.ts'
import { maxXmlBytes } from './xml.ts'

/** Token and EncodingAESKey of one callback URL, held in closures so that no log line can print them. */
export interface CallbackKeys {
  /** Lower-case hex SHA-1 over the sorted parts. Source: facts §8.3. */
  signature(timestamp: string, nonce: string, encrypt: string): string
  /** AES-256-CBC without un-padding: Node's refuses the platform's pads over 16. Source: facts §8.3. */
  decrypt(ciphertext: Buffer): Buffer
}

/**
 * The keys of one callback URL as WeCom's console shows them: `token` of 1 to 32 letters and digits, `aesKey` of 43.
 * Throws `config` when one does not look so, without repeating it.
 */
export function callbackKeys(token: string, aesKey: string): CallbackKeys {
  if (!/^[A-Za-z0-9]{1,32}$/.test(token))
    throw new Fault(
      'config',
      "the callback's Token has 1 to 32 letters and digits: copy it from WeCom's console",
    )
  if (!/^[A-Za-z0-9]{43}$/.test(aesKey))
    throw new Fault(
      'config',
      "the callback's EncodingAESKey has 43 letters and digits: copy it from WeCom's console",
    )
  // The last character may hold spare bits that are not zero: Node's decoder drops them.
  const key = Buffer.from(`${aesKey}=`, 'base64')
  const iv = key.subarray(0, 16)
  return {
    signature: (timestamp, nonce, encrypt) =>
      createHash('sha1').update([token, timestamp, nonce, encrypt].sort().join('')).digest('hex'),
    decrypt(ciphertext) {
      const decipher = createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false)
      return Buffer.concat([decipher.update(ciphertext), decipher.final()])
    },
  }
}

/** What came from outside; anything that is not a string is refused, also a list of strings. */
export interface Envelope {
  readonly signature: unknown
  readonly timestamp: unknown
  readonly nonce: unknown
  readonly encrypt: unknown
}

export interface Opened {
  readonly message: Buffer
  /** Whom the platform addressed: not yet compared with anything. */
  readonly receiveId: string
  /** SHA-256 of the ciphertext, hex: the same for every repeat, however timestamp and nonce are cut. */
  readonly hash: string
}

/** Opens an envelope that is signed with these keys and at most 10 minutes old; else throws `Refused`. */
export function openEnvelope(envelope: Envelope, keys: CallbackKeys, nowMs: number): Opened {
  const signature = formed(envelope.signature, /^[0-9a-f]{40}$/)
  const timestamp = formed(envelope.timestamp, /^\d{10}$/)
  // 64 also keeps 96 bytes of ciphertext (128 characters) from moving into the nonce: reliability §5.6.
  const nonce = formed(envelope.nonce, /^[\w-]{1,64}$/)
  const encrypt = formed(envelope.encrypt, /./)
  const ciphertext = strictBase64(encrypt)
  // Both are 40 hex digits: timingSafeEqual throws on unequal lengths.
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(keys.signature(timestamp, nonce, encrypt))))
    throw new Refused('signature')
  checkFresh(timeMs(timestamp), nowMs)
  const hash = createHash('sha256').update(encrypt).digest('hex')
  return { ...parts(keys.decrypt(ciphertext)), hash }
}

function formed(value: unknown, format: RegExp): string {
  if (typeof value !== 'string' || value.length > maxXmlBytes || !format.test(value))
    throw new Refused('malformed')
  return value
}

/** The platform pads to 32, not to the 16 of AES. Source: facts §8.3. */
const blockBytes = 32

/** Node's decoder skips what it does not know: only text that it would write itself is taken. */
function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0 || bytes.length % blockBytes !== 0 || bytes.toString('base64') !== text)
    throw new Refused('malformed')
  return bytes
}

const randomBytes = 16
const headBytes = randomBytes + 4

/** random(16), length(4, big-endian), message, receive id, 1 to 32 bytes that each say how many. Source: facts §8.3. */
function parts(plain: Buffer): { message: Buffer; receiveId: string } {
  const pad = plain.at(-1) ?? 0
  if (pad < 1 || pad > blockBytes) throw new Refused('decrypt')
  if (plain.subarray(-pad).some(byte => byte !== pad)) throw new Refused('decrypt')
  const content = plain.subarray(0, -pad)
  if (content.length < headBytes) throw new Refused('decrypt')
  const end = headBytes + content.readUInt32BE(randomBytes)
  if (end > content.length) throw new Refused('decrypt')
  return { message: content.subarray(headBytes, end), receiveId: content.toString('utf8', end) }
}

/** Whether two ids are equal, in a time that does not depend on where they differ. */
export const sameId = (left: string, right: string): boolean => timingSafeEqual(digest(left), digest(right))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
