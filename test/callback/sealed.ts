/** The platform's side of a callback: encrypts and signs a message. Written apart from src/callback, from facts §8.3. */

import { createCipheriv, createHash, randomBytes } from 'node:crypto'

export interface SealOptions {
  readonly token: string
  readonly aesKey: string
  readonly receiveId: string
  /** The inner XML, or what a URL check wants to see again. */
  readonly message: string | Buffer
  /** Seconds since 1970; default now. */
  readonly timestampS?: number | string
  readonly nonce?: string
  /** 16 bytes; default random. */
  readonly random?: Buffer | string
}

export interface Sealed {
  readonly query: { readonly msg_signature: string; readonly timestamp: string; readonly nonce: string }
  /** Base64; as `echostr` in a URL check. */
  readonly encrypt: string
  /** The outer XML of a delivery. */
  readonly body: string
}

export function sealed(options: SealOptions): Sealed {
  const { token, receiveId } = options
  const timestamp = String(options.timestampS ?? Math.floor(Date.now() / 1000))
  const nonce = options.nonce ?? randomBytes(8).toString('hex')
  const encrypt = encrypted(options.aesKey, packed(options))
  const msg_signature = signed(token, timestamp, nonce, encrypt)
  return { query: { msg_signature, timestamp, nonce }, encrypt, body: outerXml(receiveId, encrypt) }
}

export const outerXml = (receiveId: string, encrypt: string): string =>
  `<xml><ToUserName><![CDATA[${receiveId}]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID>` +
  `<Encrypt><![CDATA[${encrypt}]]></Encrypt></xml>`

export const signed = (
  ...parts: [token: string, timestamp: string, nonce: string, encrypt: string]
): string => createHash('sha1').update(parts.sort().join('')).digest('hex')

/** AES-256-CBC of bytes that are padded already. */
export function encrypted(aesKey: string, padded: Buffer): string {
  const key = Buffer.from(`${aesKey}=`, 'base64')
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64')
}

function packed({ message, receiveId, random = randomBytes(16) }: SealOptions): Buffer {
  const text = Buffer.from(message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  const plain = Buffer.concat([Buffer.from(random), length, text, Buffer.from(receiveId)])
  const pad = 32 - (plain.length % 32)
  return Buffer.concat([plain, Buffer.alloc(pad, pad)])
}
