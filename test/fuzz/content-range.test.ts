/**
 * No wrong acceptance: a part is taken only when its `Content-Range` is `bytes a-b/total` in plain digits with
 * a ≤ b < total, and for `media/get` also begins where asked, ends no later, and has the announced length; an answer
 * that is marked as a refusal, compressed, or of another status is never a file. No crash: whatever the head says, the
 * reader answers with a medium or with a `Fault`.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { rangeIn } from '../../src/files/web-answer.ts'
import type { HttpAnswer } from '../../src/wecom/call.ts'
import { type ByteRange, type Media, readMedia } from '../../src/wecom/media.ts'
import { hostileNumber, hostileText, wordOf } from './hostile.ts'

interface Range extends ByteRange {
  readonly totalBytes: number
}

/** Written once more, and otherwise: by hand, over numbers of any size. */
function oracle(header: string): Range | undefined {
  const words = header.split(' ')
  const [part = '', total = '', ...more] = (words[1] ?? '').split('/')
  const [start = '', end = '', ...rest] = part.split('-')
  const digits = [start, end, total]
  const isPlain = digits.every(text => text !== '' && [...text].every(each => '0123456789'.includes(each)))
  if (words.length !== 2 || more.length > 0 || rest.length > 0 || !isPlain) return undefined
  const [a = 0n, b = 0n, c = 0n] = digits.map(BigInt)
  if (a > b || b >= c || c > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return words[0]?.toLowerCase() === 'bytes'
    ? { start: Number(a), end: Number(b), totalBytes: Number(c) }
    : undefined
}

const unit = fc.constantFrom('bytes', 'bytes', 'bytes', 'Bytes', 'octets', 'bytes=', '', ' bytes')
const near = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(80)).map(each => each.map(String))
const far = fc.tuple(hostileNumber, hostileNumber, hostileNumber)
const contentRange = fc.oneof(
  fc.tuple(unit, near).map(([unit, [a, b, c]]) => `${unit} ${a}-${b}/${c}`),
  fc.tuple(unit, far).map(([unit, [a, b, c]]) => `${unit} ${a}-${b}/${c}`),
  fc.tuple(unit, near).map(([unit, [a, b, c]]) => `${unit} ${a}-${b}/${c}, bytes 0-1/2`),
  hostileText,
)

test('of a web server: what is taken is a part of the whole', () => {
  fc.assert(
    fc.property(contentRange, header => {
      const range = rangeIn({ 'content-range': header })
      if (range !== undefined) expect(range).toEqual(oracle(header))
    }),
    { numRuns: 3_000 },
  )
})

test('of a web server: every plain part is taken', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(10_000), fc.nat(10_000), (start, more, after) => {
      const [end, totalBytes] = [start + more, start + more + 1 + after]
      fc.pre(totalBytes < 1e15)
      expect(rangeIn({ 'content-range': `bytes ${start}-${end}/${totalBytes}` })).toEqual({
        start,
        end,
        totalBytes,
      })
    }),
    { numRuns: 500 },
  )
})

interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const answer = ({ status, headers, body }: Head): HttpAnswer => {
  async function* chunks() {
    yield body
  }
  return { method: 'media/get', status, headers, chunks: chunks(), bodySent: true, cancel() {} }
}

const asked = fc.tuple(fc.nat(40), fc.nat(40)).map(([start, more]) => ({ start, end: start + more }))

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const present = (fields: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Head['headers']

const json = wordOf('{} {"errcode":0} {"errcode":40007,"errmsg":"x"} {"errcode":"40007"} [ <html>')
const types = wordOf('image/png application/json text/html text/plain')

const head: fc.Arbitrary<Head> = fc
  .record({
    status: fc.constantFrom(200, 206, 206, 206, 204, 302, 404, 416, 500),
    'content-range': optional(contentRange),
    'content-length': optional(fc.nat(80).map(String)),
    'content-disposition': optional(fc.oneof(wordOf('attachment attachment;filename="a"'), hostileText)),
    'content-type': optional(types),
    'content-encoding': optional(fc.oneof(wordOf('identity gzip GZIP br,gzip'), fc.constant(''))),
    'error-code': optional(fc.oneof(wordOf('0 40007 -1'), hostileNumber)),
    body: fc.oneof(json, hostileText),
  })
  .map(({ status, body, ...given }) => ({ status, headers: present(given), body: Buffer.from(body) }))

/** The medium, or nothing for a fault. Anything else that is thrown fails the test. */
async function read(head: Head, asked?: ByteRange): Promise<Media | undefined> {
  try {
    return await readMedia(asked)(answer(head))
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

const bytesOf = async ({ body }: Media): Promise<Buffer> => Buffer.concat(await body.toArray())

test('of media/get: what is taken is the part that was asked for, byte by byte', async () => {
  await fc.assert(
    fc.asyncProperty(head, optional(asked), async (head, asked) => {
      const media = await read(head, asked)
      if (media === undefined) return
      const { headers, status } = head
      expect([200, 206]).toContain(status)
      expect(['', 'identity']).toContain((headers['content-encoding'] ?? '').toLowerCase())
      expect(/^-?\d{1,9}$/.test(headers['error-code'] ?? '0') && Number(headers['error-code'])).toBeFalsy()
      expect(media.whole).toBe(status === 200)
      expect((await bytesOf(media)).equals(head.body)).toBe(true)
      if (media.range === undefined) return
      const { start, end } = media.range
      expect(media.range).toEqual(oracle(headers['content-range'] ?? ''))
      expect(start).toBe(asked?.start)
      expect(end).toBeLessThanOrEqual(asked?.end ?? -1)
      expect(media.lengthBytes ?? end - start + 1).toBe(end - start + 1)
    }),
    { numRuns: 3_000 },
  )
})

test('of media/get: a part is taken exactly when it begins where asked, ends in time and is as long as it says', async () => {
  const off = fc.integer({ min: -2, max: 2 })
  const length = optional(fc.constantFrom(0, 0, 0, -1, 1))
  await fc.assert(
    fc.asyncProperty(asked, off, off, off, length, async (asked, startOff, endOff, totalOff, lengthOff) => {
      const start = asked.start + startOff * (totalOff === 0 ? 1 : 0)
      const end = asked.end + endOff
      const header = `bytes ${start}-${end}/${end + 1 + totalOff}`
      const length = lengthOff === undefined ? undefined : String(end - start + 1 + lengthOff)
      const headers = present({ 'content-range': header, 'content-length': length })
      const media = await read({ status: 206, headers, body: Buffer.from('x') }, asked)
      media?.body.destroy()
      const isRight = oracle(header) && start === asked.start && end <= asked.end && !lengthOff
      expect(media !== undefined).toBe(Boolean(isRight))
    }),
    { numRuns: 1_000 },
  )
})

test('of media/get: an error that is not marked as a file is never one', async () => {
  const type = fc.constantFrom('application/json; charset=UTF-8', 'text/plain', 'application/octet-stream')
  const code = fc.integer({ min: -1, max: 900_000 }).filter(code => code !== 0)
  await fc.assert(
    fc.asyncProperty(type, code, hostileText, async (type, errcode, errmsg) => {
      const body = Buffer.from(JSON.stringify({ errcode, errmsg }))
      const headers = { 'content-type': type, 'content-length': String(body.length) }
      const fault = await readMedia()(answer({ status: 200, headers, body })).catch((error: unknown) => error)
      expect(fault).toBeInstanceOf(Fault)
      expect(fault).toMatchObject({ errcode })
    }),
    { numRuns: 500 },
  )
})

test('of media/get: a file of the user that looks like an error comes through as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), hostileText, async (json, text) => {
      for (const content of [json, text, '{"errcode":40007}']) {
        const body = Buffer.from(content)
        const headers = {
          'content-disposition': 'attachment; filename="a.json"',
          'content-type': 'application/json',
        }
        const media = await readMedia()(answer({ status: 200, headers, body }))
        expect((await bytesOf(media)).equals(body)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})
