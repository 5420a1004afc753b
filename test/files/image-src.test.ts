/** Sources of images: what a browser would make of them, and what is said of them to people. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kindOfSrc, nameOfSrc } from '../../src/files/image-src.ts'

const kind = (src: string) => kindOfSrc(src, 1_000)

test.each([
  ['http://a.example/b.png', 'http://a.example/b.png'],
  ['HTTPS://A.example/中.png?x=1&y=2#z', 'https://a.example/%E4%B8%AD.png?x=1&y=2'],
  ['//cdn.example/a.png', 'https://cdn.example/a.png'],
  ['\\\\cdn.example\\a.png?b', 'https://cdn.example/a.png?b'],
  [' \n http://a.example/b\n.png ', 'http://a.example/b.png'],
])('%j is a URL', (src, url) => expect(kind(src)).toEqual({ as: 'url', url }))

test.each([
  'http://p.qpic.cn/pic_wework/1/2/0',
  'https://P.QPIC.CN/x',
  '//wework.qpic.cn/x',
  'https://qpic.cn/x',
])('%j is permanent', src => expect(kind(src)).toEqual({ as: 'permanent' }))

test.each([
  'http://qpic.cn.example/x',
  'http://myqpic.cn/x',
  'http://a.example/p.qpic.cn',
])('%j is not permanent', src => expect(kind(src).as).toBe('url'))

test.each([
  ['a.png', 'a.png'],
  ['./图/a%20b.png?v=3#x', './图/a b.png'],
  ['/srv/%E5%9B%BE.png', '/srv/图.png'],
  ['img\\a.png', 'img/a.png'],
  ['../a.png', '../a.png'],
  ['file:///srv/a%20b.png', '/srv/a b.png'],
  ['FILE:/srv/a.png?x', '/srv/a.png'],
  ['file://localhost/srv/a.png', '/srv/a.png'],
  ['a/b:c.png', 'a/b:c.png'],
])('%j is a path', (src, path) => expect(kind(src)).toEqual({ as: 'path', path }))

test.each([
  ['data:image/png;base64,iVBORw==', 'image/png', 'iVBORw=='],
  ['data:image/PNG;charset=x;BASE64,iVBO\n Rw', 'image/png;charset=x', 'iVBORw=='],
  ['DATA:;base64,iVBORw%3D%3D#x', 'text/plain', 'iVBORw=='],
  ['data:image/png,%89PNG%0d%0A', 'image/png', 'iVBORw0K'],
  ['data:,中', 'text/plain', '5Lit'],
  ['data:,', 'text/plain', ''],
])('%j is data', (src, contentType, base64) =>
  expect(kind(src)).toEqual({ as: 'data', contentType, bytes: Buffer.from(base64, 'base64') }))

test.each([
  ...[
    '',
    ' ',
    '#a',
    '?a',
    'blob:http://x/1',
    'javascript:alert(1)',
    'cid:1',
    'about:blank',
    'C:\\a.png',
    'ftp://x/a',
  ],
  ...['http://', 'http://[/', '//', 'file://server/a.png', 'file:///a%2Fb', 'a%zz.png', '\ud800.png'],
  ...[
    'data:image/png;base64',
    'data:image/png;base64,***',
    'data:;base64,A',
    'data:;base64,A=B',
    'data:;base64,=',
  ],
])('%j can not be used', src => {
  expect(kind(src)).toMatchObject({ as: 'unusable', why: { kind: 'invalid' } })
})

test('data over the cap is too big', () => {
  const data = (bytes: number) => `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`
  expect(kind(data(1_000)).as).toBe('data')
  expect(kind(data(1_001))).toMatchObject({ as: 'unusable', why: { kind: 'too-big' } })
})

test('data of any bytes comes back, in base64 and in percent signs', () => {
  fc.assert(
    fc.property(fc.uint8Array(), array => {
      const bytes = Buffer.from(array)
      const percent = bytes.toString('hex').replace(/../g, '%$&')
      for (const src of [`data:x/y;base64,${bytes.toString('base64')}`, `data:x/y,${percent}`])
        expect(kind(src)).toEqual({ as: 'data', contentType: 'x/y', bytes })
    }),
  )
})

test.each([
  ['img/a.png', 'img/a.png'],
  ['https://a.example/b.png?sign=SECRET#x', 'https://a.example/b.png'],
  ['https://user:SECRET@a.example/b.png', 'https://a.example/b.png'],
  ['//user:SECRET@a.example/b.png', '//a.example/b.png'],
  ['data:image/png;base64,iVBORw==', 'data:image/png (4 bytes)'],
  ['data:image/png;base64,*SECRET*', 'data: (broken)'],
  ['a\nb\u202e.png', 'ab.png'],
  ['', 'an image without src'],
  ['?SECRET', 'an image without src'],
  ['https:/user:SECRET@a.example/b.png', 'https:/a.example/b.png'],
  ['https:user:SECRET@a.example/b.png', 'https:a.example/b.png'],
  ['https:///user:SECRET@a.example/b.png', 'https:///a.example/b.png'],
  ['HTTPS:/\\/user:SECRET@a.example/b.png', 'HTTPS:/\\/a.example/b.png'],
  ['logo@2x.png', 'logo@2x.png'],
])('people read of %j as %j', (src, name) => expect(nameOfSrc(src)).toBe(name))

test('a name has at most 80 characters on one line', () => {
  expect(nameOfSrc('😀'.repeat(200))).toBe(`${'😀'.repeat(79)}…`)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), src => {
      const name = nameOfSrc(src)
      expect([...name].length).toBeLessThanOrEqual(80)
      expect(name).not.toMatch(/[\r\n\0?#]/)
    }),
    { numRuns: 30 },
  )
})

test('any text is some kind, quickly', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), src => typeof kind(src).as === 'string'))
  const long = 300_000
  for (const src of [
    ' '.repeat(long),
    `a${' '.repeat(long)}b`,
    `data:${';base64 '.repeat(long / 8)}`,
    `data:,${'%'.repeat(long)}`,
  ])
    expect(typeof kind(src).as).toBe('string')
})
