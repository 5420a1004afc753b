/**
 * The `src` of an image. No wrong acceptance: it is taken for http(s), a path or data, never for a script or another
 * scheme, and for a permanent one only on a host of the platform. No crash: any text is some kind, and has a name that
 * can be shown.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { kindOfSrc, nameOfSrc } from '../../src/files/image-src.ts'
import { hostileText, rowOf, wordOf } from './hostile.ts'

const scheme = wordOf('http: https: HTTP: file: data: javascript: blob: ftp:')
const host = rowOf(
  wordOf('p.qpic.cn qpic.cn .qpic.cn a.example . evil [::1] 127.0.0.1 :80 user:pass@ @ \u3002 \uff0f'),
  3,
)
const path = rowOf(wordOf('/ \\ .. # ? %2f %00 % x a.png \t \n = ,'), 4)
const slashes = wordOf('// / \\\\ ///')

const data = fc
  .tuple(wordOf('data: DATA:'), wordOf('image/png , ;base64, image/png;base64, image/png,'), fc.nat(1_500))
  .map(([scheme, type, length]) => `${scheme}${type}${'iVBO'.repeat(length)}`)

const src = fc.oneof(
  hostileText,
  data,
  fc.tuple(scheme, slashes, host, path).map(parts => parts.join('')),
  fc.tuple(slashes, host, path).map(parts => parts.join('')),
  rowOf(fc.oneof(scheme, slashes, host, path, fc.constant(' ')), 6),
)

test('any src is some kind, and each kind is only what it says', () => {
  fc.assert(
    fc.property(src, src => {
      const found = kindOfSrc(src, 1_000)
      if (found.as === 'url') {
        expect(URL.parse(found.url)?.protocol).toMatch(/^https?:$/)
        expect(found.url).toBe(URL.parse(found.url)?.href)
      }
      if (found.as === 'data') expect(found.bytes.length).toBeLessThanOrEqual(1_000)
      if (found.as === 'unusable') expect(found.why).toBeInstanceOf(Fault)
      if (found.as === 'path') expect(found.path).not.toBe('')
      if (found.as !== 'permanent') return
      const url = URL.parse(src) ?? URL.parse(src, 'https://page.example/')
      expect(`.${url?.hostname}`).toMatch(/\.qpic\.cn$/)
      expect(url?.protocol).toMatch(/^https?:$/)
    }),
    { numRuns: 5_000 },
  )
})

test('a name for people is one short line, and shows no query and no password', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{24}$/)
  fc.assert(
    fc.property(src, secret, (src, secret) => {
      expect(nameOfSrc(src)).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,80}$/u)
      for (const url of [
        `https://u:${secret}@a.example/x`,
        `http://a.example/x?sign=${secret}`,
        `x?${secret}`,
      ])
        expect(nameOfSrc(url)).not.toContain(secret)
    }),
    { numRuns: 2_000 },
  )
})
