/**
 * No wrong acceptance: a file is what says `attachment` first and nothing else; a well-formed header gives exactly the
 * name that it carries, and nothing inside a quoted value counts as a parameter. No crash: any header gives an answer,
 * soon, whose name is well-formed text and not empty.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDisposition } from '../../src/wecom/content-disposition.ts'
import { hostileText } from './hostile.ts'

/** As HTTP gives it: each byte a character, no line end. */
const asRead = (header: string): string =>
  Buffer.from(header)
    .toString('latin1')
    .replace(/[\r\n\0]/g, ' ')

const bytes = fc.uint8Array({ maxLength: 60 }).map(each => Buffer.from(each).toString('latin1'))

const header = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'attachment',
        'inline',
        'form-data',
        ';',
        '; ',
        'filename=',
        'filename*=',
        "utf-8''",
        '"',
        '\\',
      ),
      fc.constantFrom(
        "iso-8859-1''",
        "gb18030''",
        '%E6%8A%A5',
        '%',
        '%zz',
        '%FF',
        '=',
        ' ',
        '\t',
        'a.txt',
        '报',
      ),
      hostileText,
      bytes,
    ),
    { maxLength: 12 },
  )
  .map(pieces => asRead(pieces.join('')))

test('any header is read, and is a file only when it says so first', () => {
  fc.assert(
    fc.property(fc.option(header, { nil: undefined }), header => {
      const { isAttachment, name } = parseDisposition(header)
      expect(isAttachment).toBe(header?.split(';', 1)[0]?.trim().toLowerCase() === 'attachment')
      if (name === undefined) return
      expect(name).not.toBe('')
      expect(name.isWellFormed()).toBe(true)
    }),
    { numRuns: 3_000 },
  )
})

/** Latin-1 would be read as UTF-8 where it happens to be some. */
const name = hostileText
  .map(text => text.toWellFormed().replace(/[\r\n\0\ufeff]/g, ''))
  .filter(text => text !== '')

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const encoded = (text: string): string =>
  `utf-8''${encodeURIComponent(text).replace(/['()*]/g, each => `%${each.charCodeAt(0).toString(16)}`)}`

const otherNames = ['filenames', 'xfilename', 'name', 'filename2', 'x-filename*'] as const
const others = fc.array(fc.tuple(fc.constantFrom(...otherNames), name), { maxLength: 3 })

test('a well-formed header gives the name that it carries, filename* first', () => {
  fc.assert(
    fc.property(name, fc.option(name), others, fc.boolean(), (plain, star, others, isStarFirst) => {
      const two = [`filename=${quoted(plain)}`, ...(star === null ? [] : [`FileName*=${encoded(star)}`])]
      const names = isStarFirst ? two.toReversed() : two
      const before = others.map(([key, value]) => `${key}=${quoted(value)}`)
      const text = ['attachment', ...before, ...names].join('; ')
      expect(parseDisposition(asRead(text))).toEqual({ isAttachment: true, name: star ?? plain })
    }),
    { numRuns: 1_000 },
  )
})

test('no parameter is found inside a quoted value', () => {
  fc.assert(
    fc.property(others, others => {
      const text = ['attachment', ...others.map(([key, value]) => `${key}=${quoted(value)}`)].join('; ')
      expect(parseDisposition(asRead(text))).toEqual({ isAttachment: true })
    }),
    { numRuns: 500 },
  )
})

test.each([
  ';',
  '; ',
  ';a="',
  '; filename="\\',
  ';a=\\"',
  "; filename*=utf-8''%",
])('100 KB of %j are read soon', piece => {
  const long = `attachment${piece.repeat(100_000 / piece.length)}`
  const startMs = performance.now()
  parseDisposition(long)
  expect(performance.now() - startMs).toBeLessThan(200)
})
