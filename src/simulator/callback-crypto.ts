/**
 * How the platform encrypts and signs a callback (p/90968, p/91144), as arithmetic: randomness and time come in. The
 * padding goes to 32 bytes, not to AES's 16, so a receiver's automatic unpadding fails on half of all messages.
 */

import { createCipheriv, createHash } from 'node:crypto'

const padBytes = 32
export const randomBytesBefore = 16

/** `random` is 16 bytes; `receiveId` tells whom the message is for. Answers base64. */
export function encryptCallback(aesKey: string, message: string, receiveId: string, random: Buffer): string {
  const key = Buffer.from(`${aesKey}=`, 'base64')
  const text = Buffer.from(message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  const plain = Buffer.concat([random, length, text, Buffer.from(receiveId)])
  const pad = padBytes - (plain.length % padBytes)
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  const padded = Buffer.concat([plain, Buffer.alloc(pad, pad)])
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64')
}

/** `msg_signature`: nothing stands between the four texts, so what is cut differently is signed the same. */
export const signCallback = (token: string, timestamp: string, nonce: string, encrypted: string): string =>
  createHash('sha1').update([token, timestamp, nonce, encrypted].sort().join('')).digest('hex')
