import { inspect } from 'node:util'
import * as official from '@wecom/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callbackKeys, type Envelope, openEnvelope } from '../../src/callback/envelope.ts'
import { freshMs } from '../../src/callback/fresh.ts'
import { Refused } from '../../src/callback/refused.ts'
import { Fault } from '../../src/fault.ts'
import { aesKey, corp, finished, nowS, seal, token } from './desk.ts'
import { encrypted, type Sealed, signed } from './sealed.ts'

const keys = callbackKeys(token, aesKey)
const random = '0123456789abcdef'

const envelopeOf = ({ query: { msg_signature, ...query }, encrypt }: Sealed): Envelope => ({
  signature: msg_signature,
  ...query,
  encrypt,
})

const open = (envelope: Envelope) => openEnvelope(envelope, keys, nowS * 1000)
const opened = (envelope: Envelope) => {
  const { message, receiveId } = open(envelope)
  return { message: message.toString(), receiveId }
}

const reasonOf = (envelope: Envelope) => {
  try {
    open(envelope)
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
  return 'accepted'
}

describe('K01: the vectors', () => {
  // Facts §8.4.
  const short = 'VSeTrqfq2X3miGjs8DuXdRL0SkgWmiz8ZZqa1ZGzdcF0h8NJImYOlPUfvp1gE+VKncAfkdnp7/wDewuCqzxQZQ=='
  const long =
    'VSeTrqfq2X3miGjs8DuXdQSeOL9NWU6z+uJ0Gihiw4DGlQdN+OcG/RIN8Tsrv6JLGzL6rGpKzdM0cRrLnYg0mPTgPrWebHn3EuzmCiWd' +
    'v7hhZKxBe9J3kzDuvuvvROqraC1x63LHQ0iuTdxMLrCaGRl3nseyh4L2PjRjyREfzkm8rzAC3eGs38oxrbZDT0zY3uNr8x3fsT09o1dJ' +
    'QjMmkYA+YzD4AGe9VDQyA2kGpz8eC2XQsqEESd8TPW8Ihd+nbtsUgMwkIOxPxvbD8zSrdZvxEQaJJPJe3iTEXS0ca/hQzcU54fnkunhz' +
    'XGxbdzH3XRCQk4pX1APv4x1IbFbaUHXAE3LmNKW0BIuIvVXMF2YWRnfxA229fgbQOZdzlCjML/07qdgL9DlCUNKACtymJHqxlu7oDiy2' +
    'zU2JmvC7ACk='

  test.each([
    ['a text with a pad of 20', '123456', short, 'e88ec305f50570ffa09b61504367f210479b0115'],
    ['the event of an async upload', finished(), long, '05fafaece053d44738ad61df9ef5c292068317e5'],
  ])('%s opens, and is what we would seal', (_, message, encrypt, signature) => {
    const timestamp = String(nowS)
    expect(opened({ signature, timestamp, nonce: 'n0nce123', encrypt })).toEqual({ message, receiveId: corp })
    const ours = seal(message, { random })
    expect(ours.encrypt).toBe(encrypt)
    expect(ours.query.msg_signature).toBe(signature)
  })

  test('a signature that another library computed is ours as well', () => {
    const third = callbackKeys('kjr2TKI8umCBfVF3wAHk8JiPwma5VBme', aesKey)
    const encrypt = '6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w=='
    expect(third.signature('1583940690', 'VHh7ymSeb0jc4lSb', encrypt)).toBe(
      '1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011',
    )
  })

  test('what we seal, the official library opens, and the other way round, for every length of pad', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 })
    const everyPad = Array.from({ length: 33 }, (_, length): [string, string] => ['x'.repeat(length), corp])
    fc.assert(
      fc.property(text, fc.stringMatching(/^[\w-]{0,40}$/), (message, receiveId) => {
        const ours = seal(message, { receiveId })
        expect(official.decrypt(aesKey, ours.encrypt)).toMatchObject({ message, id: receiveId })
        const { timestamp, nonce, msg_signature } = ours.query
        expect(official.getSignature(token, timestamp, nonce, ours.encrypt)).toBe(msg_signature)
        expect(opened(envelopeOf(ours))).toEqual({ message, receiveId })

        const encrypt = official.encrypt(aesKey, message, receiveId)
        const signature = official.getSignature(token, timestamp, nonce, encrypt)
        expect(opened({ signature, timestamp, nonce, encrypt })).toEqual({ message, receiveId })
      }),
      { numRuns: 133, examples: everyPad },
    )
  })

  test('a key whose last character has spare bits is the same key', () => {
    // 43 characters hold 258 bits: "A" and "B" differ in the two that are spare.
    const spare = `${aesKey.slice(0, -1)}B`
    const { signature, ...rest } = envelopeOf(seal('123456', { aesKey: spare }))
    expect(opened({ signature, ...rest })).toEqual({ message: '123456', receiveId: corp })
    const message = openEnvelope({ signature, ...rest }, callbackKeys(token, spare), nowS * 1000).message
    expect(message.toString()).toBe('123456')
  })
})

describe('keys', () => {
  test.each([
    ['', aesKey],
    ['x'.repeat(33), aesKey],
    ['with space', aesKey],
    ['token\n', aesKey],
    [token, ''],
    [token, aesKey.slice(1)],
    [token, `${aesKey}=`],
    [token, `+${aesKey.slice(1)}`],
  ])('%j and %j are refused as configuration, and not repeated', (badToken, badKey) => {
    const make = () => callbackKeys(badToken, badKey)
    expect(make).toThrow(Fault)
    expect(make).toThrow(expect.objectContaining({ kind: 'config' }))
    expect(make).not.toThrow(aesKey.slice(1))
  })

  test('are not printed', () => {
    const printed = inspect(keys, { depth: 9, showHidden: true }) + JSON.stringify(keys)
    expect(printed).not.toContain(token)
    expect(printed).not.toContain('Buffer')
    expect(printed).not.toContain(aesKey)
  })
})

describe('a format that is not the platform’s is refused before the signature', () => {
  // The vector: it has +, / and ==.
  const { encrypt } = seal('123456', { random })
  const good = envelopeOf(seal('123456', { random }))

  test.each<[string, Partial<Envelope>]>([
    ['a signature in capitals', { signature: String(good.signature).toUpperCase() }],
    ['a signature cut short', { signature: String(good.signature).slice(1) }],
    ['a signature with a line end', { signature: `${good.signature}\n` }],
    ['no signature', { signature: undefined }],
    ['two signatures', { signature: [good.signature] }],
    ['an empty timestamp', { timestamp: '' }],
    ['a timestamp in milliseconds', { timestamp: `${nowS}000` }],
    ['a timestamp that is a number', { timestamp: nowS }],
    ['digits of another script', { timestamp: '１７００００００００' }],
    ['an empty nonce', { nonce: '' }],
    ['a nonce of 65', { nonce: 'n'.repeat(65) }],
    ['a nonce with a slash', { nonce: 'a/b' }],
    ['no ciphertext', { encrypt: '' }],
    ['base64 with a line end', { encrypt: `${encrypt}\n` }],
    ['base64 with a space', { encrypt: encrypt.replace('+', ' ') }],
    ['base64 for URLs', { encrypt: encrypt.replace('+', '-').replace('/', '_') }],
    ['base64 without its end', { encrypt: encrypt.replace(/=+$/, '') }],
    ['base64 with spare bits', { encrypt: encrypt.replace('Q==', 'R==') }],
    ['half a block', { encrypt: Buffer.from(encrypt, 'base64').subarray(0, 48).toString('base64') }],
    ['too much', { encrypt: Buffer.alloc(96 * 1024).toString('base64') }],
  ])('%s', (_, change) => {
    expect(reasonOf(good)).toBe('accepted')
    const changed = { ...good, ...change }
    expect(changed).not.toEqual(good)
    // Signed again, so that nothing but the format can be the reason.
    const parts = [changed.timestamp, changed.nonce, changed.encrypt].map(String) as [string, string, string]
    const signature = 'signature' in change ? changed.signature : signed(token, ...parts)
    expect(reasonOf({ ...changed, signature })).toBe('malformed')
  })
})

describe('what was signed but is no envelope is refused', () => {
  const head = (length: number) => {
    const bytes = Buffer.alloc(20)
    bytes.writeUInt32BE(length, 16)
    return bytes
  }
  const padded = (plain: Buffer, pad = 32 - (plain.length % 32)) =>
    Buffer.concat([plain, Buffer.alloc(32 - (plain.length % 32), pad)])
  const reason = (plain: Buffer) => {
    const encrypt = encrypted(aesKey, plain)
    const timestamp = String(nowS)
    return reasonOf({ signature: signed(token, timestamp, 'n', encrypt), timestamp, nonce: 'n', encrypt })
  }
  const text = Buffer.from(`123456${corp}`)

  test.each<[string, Buffer]>([
    ['a pad of 0', padded(Buffer.concat([head(6), text]), 0)],
    ['a pad of 33', Buffer.concat([head(6), text, Buffer.alloc(19), Buffer.alloc(33, 33)])],
    ['a pad of 64', Buffer.concat([head(6), text, Buffer.alloc(20), Buffer.alloc(64, 64)])],
    ['a pad of 255', padded(Buffer.concat([head(6), text]), 255)],
    ['a pad whose bytes differ', Buffer.concat([head(6), text, Buffer.alloc(19, 1), Buffer.from([20])])],
    ['nothing but a pad', Buffer.alloc(32, 32)],
    ['less than a head', padded(Buffer.alloc(19))],
    ['a length beyond the end', padded(Buffer.concat([head(25), text]))],
    ['the greatest length', padded(Buffer.concat([head(0xffffffff), text]))],
  ])('%s', (_, plain) => {
    expect(plain.length % 32).toBe(0)
    expect(reason(plain)).toBe('decrypt')
  })

  test('the same construction with a right pad and length is accepted', () => {
    expect(reason(padded(Buffer.concat([head(6), text])))).toBe('accepted')
    expect(reason(padded(Buffer.concat([head(24), text])))).toBe('accepted')
  })

  test('any plain bytes are opened or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(['accepted', 'decrypt']).toContain(reason(padded(Buffer.from(bytes))))
      }),
      { numRuns: 300 },
    )
  })
})

describe('the time of the envelope', () => {
  test.each([
    [-freshMs, 'accepted'],
    [-freshMs - 1000, 'stale'],
    [freshMs, 'accepted'],
    [freshMs + 1000, 'stale'],
  ])('%i ms from now is %s', (offMs, expected) => {
    expect(reasonOf(envelopeOf(seal('123456', { timestampS: nowS + offMs / 1000 })))).toBe(expected)
  })
})
