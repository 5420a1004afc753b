/** K02 and K03: what somebody without the keys can make of a delivery that he recorded. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check, corp, desk, finished, forbidden, nowS, outside, post, seal, ticket, token } from './desk.ts'
import { outerXml, signed } from './sealed.ts'

/** The text with one bit of one character turned. */
const flipped = (text: string, at: number, bit: number): string => {
  const bytes = Buffer.from(text)
  const index = at % bytes.length
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
  return bytes.toString('latin1')
}

const turn = fc.record({ at: fc.nat(), bit: fc.nat(7) })
const field = fc.constantFrom('msg_signature', 'timestamp', 'nonce', 'encrypt')

describe('K02: a changed bit', () => {
  const delivery = seal(finished())
  const urlCheck = seal('1616140317555161061')

  test('anywhere in signature, timestamp, nonce or ciphertext is refused, always with the same answer', async () => {
    const { receive, told } = desk()
    await fc.assert(
      fc.asyncProperty(field, turn, async (name, { at, bit }) => {
        const change = <T extends typeof delivery>({ query, encrypt, body }: T) => {
          if (name !== 'encrypt')
            return { query: { ...query, [name]: flipped(query[name], at, bit) }, encrypt, body }
          const changed = flipped(encrypt, at, bit)
          return { query, encrypt: changed, body: outerXml(corp, changed) }
        }
        expect(outside(await receive(post(change(delivery))))).toEqual(forbidden)
        expect(outside(await receive(check(change(urlCheck))))).toEqual(forbidden)
      }),
      { numRuns: 1500 },
    )
    expect(told).toEqual([])
    expect((await receive(post(delivery))).outcome).toBe('accepted')
  })

  test('anywhere in the body is refused or changes nothing', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(turn, async ({ at, bit }) => {
        const { receive, told } = desk()
        const body = Buffer.from(flipped(delivery.body, at, bit), 'latin1')
        const answer = await receive(post(delivery, { body }))
        if (answer.outcome === 'refused') {
          expect(outside(answer)).toEqual(forbidden)
          expect(told).toEqual([])
          return
        }
        taken += 1
        expect(told).toEqual([['job-finished', 'sales', corp, 'jobid_TEST_0001']])
      }),
      { numRuns: 1000 },
    )
    // ToUserName and AgentID outside are not authenticated, and not read.
    expect(taken).toBeGreaterThan(0)
  })

  test('in the ciphertext, with blocks left out, doubled or exchanged, is refused', async () => {
    const { receive, told } = desk()
    const bytes = Buffer.from(delivery.encrypt, 'base64')
    const blocks = Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(i * 32, i * 32 + 32))
    const cuts = [
      blocks.slice(1),
      blocks.slice(0, -1),
      blocks.toReversed(),
      [...blocks, ...blocks.slice(-1)],
      [],
    ]
    for (const cut of cuts) {
      const body = outerXml(corp, Buffer.concat(cut).toString('base64'))
      expect(outside(await receive(post({ ...delivery, body })))).toEqual(forbidden)
    }
    for (let length = 0; length < delivery.encrypt.length; length += 7) {
      const body = outerXml(corp, delivery.encrypt.slice(0, length))
      expect(outside(await receive(post({ ...delivery, body })))).toEqual(forbidden)
    }
    expect(told).toEqual([])
  })

  test('any request at all gets an answer, and never 200', async () => {
    const { receive, told, errors } = desk()
    const value = fc.oneof(fc.string(), fc.constant(undefined), fc.array(fc.string()), fc.integer())
    const query = fc.record({ msg_signature: value, timestamp: value, nonce: value, echostr: value })
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.base64String({ maxLength: 200 }).map(text => outerXml(corp, text)),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'HEAD', ''),
        query,
        body,
        async (verb, anything, text) => {
          const request = { ...post(delivery), verb, query: anything, body: Buffer.from(text) }
          expect((await receive(request)).outcome).toBe('refused')
        },
      ),
      { numRuns: 300 },
    )
    expect([told, errors]).toEqual([[], []])
  })
})

describe('K03: the signature has no separators', () => {
  /** Every other way to cut the joined digits in two, in either order, whose signature still holds. */
  const recuts = (timestamp: string, nonce: string, encrypt: string) => {
    const signature = signed(token, timestamp, nonce, encrypt)
    const cuts = [timestamp + nonce, nonce + timestamp].flatMap(joined =>
      Array.from({ length: joined.length + 1 }, (_, at) => [joined.slice(0, at), joined.slice(at)] as const),
    )
    return cuts
      .flatMap(([a, b]) => [
        { timestamp: a, nonce: b },
        { timestamp: b, nonce: a },
      ])
      .filter(way => way.timestamp !== timestamp)
      .filter(way => signed(token, way.timestamp, way.nonce, encrypt) === signature)
  }

  test.each([
    ['the digits of the official sample', 1_409_659_589, '1372623149', ['refused']],
    // The worst case: exchanged, it is a time of today.
    ['a nonce that would do as a time', nowS, String(nowS + 100), ['refused', 'replayed']],
  ])('%s, exchanged or cut anew, are refused, or known already', async (_, timestampS, nonce, expected) => {
    // With these 16 bytes the ciphertext begins with a letter, behind all digits: how many ways there are depends on that.
    const delivery = seal(finished('j', timestampS), { timestampS, nonce, random: '0000000000001276' })
    expect(delivery.encrypt).toMatch(/^[a-zA-Z]/)
    const ways = recuts(String(timestampS), nonce, delivery.encrypt)
    // The attack is real: these all carry a signature that holds.
    expect(ways.length).toBeGreaterThanOrEqual(10)
    expect(ways).toContainEqual({ timestamp: nonce, nonce: String(timestampS) })
    expect(ways.some(({ timestamp }) => timestamp === '')).toBe(true)

    const { receive, told } = desk({}, {}, timestampS)
    expect((await receive(post(delivery))).outcome).toBe('accepted')
    const outcomes = new Set<string>()
    for (const way of ways) {
      const answer = await receive(post({ ...delivery, query: { ...delivery.query, ...way } }))
      outcomes.add(answer.outcome)
      if (answer.outcome === 'refused') expect(outside(answer)).toEqual(forbidden)
    }
    expect([...outcomes].sort()).toEqual(expected)
    expect(told).toHaveLength(1)
  })

  test('a head of the ciphertext that is moved into the nonce does not fit there', async () => {
    // Found by trying: with these 16 bytes the first 128 characters have no + and no /, and the order stays.
    const random = '0000000000001276'
    const message = `${ticket().slice(0, -6)}<A>${'x'.repeat(300)}</A></xml>`
    const { query, encrypt } = seal(message, { nonce: 'A', random })
    const [nonce, rest] = [`A${encrypt.slice(0, 128)}`, encrypt.slice(128)]
    // The attack is real: the signature holds, both have their alphabet, and the rest is whole blocks.
    expect(signed(token, query.timestamp, nonce, rest)).toBe(query.msg_signature)
    expect(nonce).toMatch(/^[\w-]+$/)
    expect(Buffer.from(rest, 'base64').length % 32).toBe(0)

    const { receive } = desk()
    const answer = await receive(
      post({ query: { ...query, nonce }, encrypt: rest, body: outerXml(corp, rest) }),
    )
    expect(outside(answer)).toEqual(forbidden)
    expect(answer.reason).toBe('malformed')
  })
})
