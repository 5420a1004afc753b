/** What a server's headers mean, without a socket: strict readings, fuzzed. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lengthIn, networkFault, rangeIn, versionOf } from '../../src/files/web-answer.ts'

describe('Content-Range', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), fc.nat(2 ** 31), (a, b, c) => {
        const [start = 0, end = 0, last = 0] = [a, b, c].sort((x, y) => x - y)
        const text = `bytes ${start}-${end}/${last + 1}`
        expect(rangeIn({ 'content-range': text })).toEqual({ start, end, totalBytes: last + 1 })
      }),
    )
  })

  test('with any character more, less or other is read as the same numbers, as other valid ones, or not at all', () => {
    const good = 'bytes 10-19/100'
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(1), fc.string({ maxLength: 2 }), (at, remove, insert) => {
        const text = good.slice(0, at) + insert + good.slice(at + remove)
        const range = rangeIn({ 'content-range': text })
        if (range === undefined) return
        expect(range.start <= range.end && range.end < range.totalBytes).toBe(true)
        expect(text).toMatch(/^bytes \d+-\d+\/\d+$/i)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ...['', 'bytes */100', 'bytes 0-9/*', 'bytes 9-0/100', 'bytes 0-100/100', 'bytes 0-0/0', 'bytes=0-9/100'],
    ...[
      'bytes 0-9/100, bytes 10-19/100',
      'bytes -1-9/100',
      'bytes 0-9/1e3',
      'bytes 0x0-9/100',
      'chars 0-9/100',
    ],
    ...['bytes 0-9/9999999999999999', 'bytes  0-9/100', 'bytes 0 - 9/100', 'bytes 0-9/100\n', '٠-٩/١٠٠'],
  ])('is not read from %j', text => {
    expect(rangeIn({ 'content-range': text })).toBeUndefined()
  })
})

test.each([
  ['0', 0],
  ['1000', 1_000],
  ['', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['1 000', undefined],
  ['10, 10', undefined],
  ['9999999999999999', undefined],
])('Content-Length %j is %s', (text, expected) => {
  expect(lengthIn({ 'content-length': text })).toBe(expected)
})

test('a date is a validator only if a change after it would have shown', () => {
  const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1_000).toUTCString()
  const validator = (lastModified: string, date: string) =>
    versionOf({ 'last-modified': lastModified, date }, 1).validator
  expect(validator(at(0), at(1))).toBe(at(0))
  expect(validator(at(0), at(0))).toBeUndefined()
  expect(validator(at(1), at(0))).toBeUndefined()
  expect(validator('yesterday', at(0))).toBeUndefined()
})

test('of a foreign error only its code is shown', () => {
  const error = Object.assign(new Error('https://h/x?s3cret'), { code: 'ERR_INVALID_URL', input: 's3cret' })
  expect(networkFault('https://h', error)).toMatchObject({ kind: 'transient' })
  expect(
    JSON.stringify([networkFault('https://h', error), String(networkFault('https://h', error))]),
  ).not.toContain('s3cret')
  expect(
    String(networkFault('https://h', Object.assign(new Error('x'), { code: 'a b?s3cret' }))),
  ).not.toContain('s3cret')
  expect(networkFault('https://h', 'nonsense')).toMatchObject({ kind: 'transient' })
})
