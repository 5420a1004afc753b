/** Images in HTML: found as a browser finds them, replaced where they stand, nothing else touched. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseIn, imagesIn, withSources } from '../../src/files/html.ts'

const found = (html: string): (readonly [src: string, written: string])[] =>
  imagesIn(html).map(({ src, startOffset, endOffset }) => [src, html.slice(startOffset, endOffset)])

const sources = (html: string): string[] => imagesIn(html).map(({ src }) => src)

test.each([
  ['<img src="a.png">', 'a.png', 'src="a.png"'],
  ['<img src=\'a "b".png\'alt=x>', 'a "b".png', 'src=\'a "b".png\''],
  ['<img src=a.png>', 'a.png', 'src=a.png'],
  ['<img/src=a.png/>', 'a.png/', 'src=a.png/'],
  ['<IMG WIDTH=1 SRC=a.png>', 'a.png', 'SRC=a.png'],
  ['<image src=a.png>', 'a.png', 'src=a.png'],
  [
    '<img src="a.png?b=1&amp;c=&#x4e2d;&copy=2">',
    'a.png?b=1&c=中&copy=2',
    'src="a.png?b=1&amp;c=&#x4e2d;&copy=2"',
  ],
  ['<img src=one src=two>', 'one', 'src=one'],
  ['<img alt="<img src=no>" src = "a.png" >', 'a.png', 'src = "a.png"'],
  ['<img\r\n alt="图😀\0"\r\n src\r\n=\r\n"a\r\nb"\r\n>', 'a\nb', 'src\r\n=\r\n"a\r\nb"'],
  ['\uFEFF<p>😀\r\n\r<img src=a>', 'a', 'src=a'],
  ['<img src>', '', 'src'],
  ['<img src alt=b>', '', 'src'],
  ['<img src = >', '', 'src = '],
  ['<img src="">', '', 'src=""'],
  ['<img src="a.png" <p>', 'a.png', 'src="a.png"'],
  ['<table><img src=out><tr><td>x', 'out', 'src=out'],
  ['<svg><g><img src=a.png></svg>', 'a.png', 'src=a.png'],
  ['<p></body></html><img src=late>', 'late', 'src=late'],
])('the image of %j is found where it stands', (html, src, written) => {
  expect(found(html)).toEqual([[src, written]])
  const changed = withSources(html, () => 'http://p/?a=1&b="2"')
  const at = html.indexOf(written)
  const after = html.slice(at + written.length)
  expect(changed).toBe(`${html.slice(0, at)}src="http://p/?a=1&amp;b=&quot;2&quot;"${after}`)
  expect(sources(changed)).toEqual(['http://p/?a=1&b="2"'])
})

test.each([
  '<template><p><img src=a></template>',
  '<!-- <img src=a> -->',
  '<!--><!-- <img src=a>',
  '<noscript><img src=a></noscript>',
  '<textarea><img src=a></textarea>',
  '<title><img src=a></title>',
  '<script>"<img src=a>"</script>',
  '<style><img src=a></style>',
  '<iframe><img src=a></iframe>',
  '<xmp><img src=a></xmp>',
  '<plaintext><img src=a>',
  '<svg><image src=a href=b /></svg>',
  '<svg><![CDATA[<img src=a>]]></svg>',
  '<img data-src=a srcset=b>',
  '<input type=image src=a><video poster=a src=b><source src=c>',
  '<p style="background:url(a)">&lt;img src=a&gt;',
  '<img src="a',
  '< img src=a>',
  '',
])('nothing in %j is an image', html => {
  expect(imagesIn(html)).toEqual([])
  expect(withSources(html, () => 'x')).toBe(html)
})

test('images come in the order of the text, also where the parser moves them', () => {
  const html =
    '<p><img src=1><table><tr><img src=2><td><img src=3><table><img src=4></table><img src=5></table>'
  expect(sources(html)).toEqual(['1', '2', '3', '4', '5'])
  expect(withSources(html, src => (src === '3' ? undefined : `n${src}`))).toBe(
    '<p><img src="n1"><table><tr><img src="n2"><td><img src=3><table><img src="n4"></table><img src="n5"></table>',
  )
})

/** Pieces of which any row is a document, however broken. */
const piece = fc.oneof(
  fc.constantFrom(
    ...[
      '<p>',
      '</p>',
      '<table>',
      '<tr>',
      '<td>',
      '</table>',
      '<b>',
      '</b>',
      '<a href="x">',
      '</a>',
      '<div>',
      '</div>',
    ],
    ...[
      '<!--',
      '-->',
      '<template>',
      '</template>',
      '<svg>',
      '</svg>',
      '<select>',
      '<textarea>',
      '</textarea>',
      '<script>',
    ],
    ...[
      '</script>',
      '<',
      '>',
      '"',
      "'",
      '=',
      '/',
      '&',
      '&amp;',
      '\r\n',
      '\r',
      '\n',
      '\t',
      ' ',
      '\0',
      '\uFEFF',
      '😀',
      '中文',
      '\ud800',
    ],
    ...[
      '<img src=a>',
      '<img src="b&amp;c">',
      "<IMG/SRC='d e'x>",
      '<img src',
      '<img src=',
      '<img src=f ',
      '<img alt=">" src = g>',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const document = fc.array(piece, { maxLength: 40 }).map(pieces => pieces.join(''))

test('a document whose images are kept is the same document', () => {
  fc.assert(
    fc.property(document, html => withSources(html, () => undefined) === html),
    { numRuns: 300 },
  )
})

test('new sources are the only change, and they are read back', () => {
  const src = fc.string({ unit: fc.constantFrom(...'ab/:?&"\'<>= \n;#%中😀') })
  fc.assert(
    fc.property(document, fc.infiniteStream(fc.option(src, { nil: undefined })), (html, stream) => {
      const before = imagesIn(html)
      const news = before.map(() => stream.next().value)
      let turn = -1
      const changed = withSources(html, () => {
        turn += 1
        return news[turn]
      })
      const after = imagesIn(changed)
      expect(after.map(image => image.src)).toEqual(before.map((image, i) => news[i] ?? image.src))
      expect(around(changed, after)).toEqual(around(html, before))
    }),
    { numRuns: 300 },
  )
})

/** What stands between the attributes, and each one that is written as sources are. */
const around = (html: string, images: ReturnType<typeof imagesIn>): string[] => {
  const ends = [0, ...images.map(({ endOffset }) => endOffset)]
  return ends.map((end, i) => html.slice(end, images[i]?.startOffset))
}

describe('a large document', () => {
  test('of 20 MB of data URIs is read', () => {
    const data = `data:image/png;base64,${'A'.repeat(2_700_000)}`
    const html = `<p><img src="${data}"></p>\r\n`.repeat(7)
    expect(sources(html)).toEqual(Array.from({ length: 7 }, () => data))
    expect(withSources(html, () => 'x')).toBe('<p><img src="x"></p>\r\n'.repeat(7))
  })

  test('of 1 MB with thousands of images is read', () => {
    const html = '<section style="x"><p>文字<img src="a.png">\r\n</section>'.repeat(18_000)
    expect(imagesIn(html)).toHaveLength(18_000)
  })

  test.each([
    ['deep', '<div>'.repeat(100_000)],
    ['full of attributes', `<img ${Array.from({ length: 60_000 }, (_, i) => `a${i}`).join(' ')} src=a>`],
    ['full of wrong ends', '<div>'.repeat(20_000) + '</x>'.repeat(100_000)],
    ['of tables in tables', '<table><td>'.repeat(20_000)],
  ])('that is %s is read', (_what, html) => {
    expect(imagesIn(html).length).toBeLessThan(2)
  })

  test('that the standard would blow up to millions of elements is refused', () => {
    const html = Array.from({ length: 2_000 }, (_, i) => `<p><b a=${i}>`).join('')
    expect(() => imagesIn(html)).toThrow(expect.objectContaining({ kind: 'too-big' }))
  })

  test.each([
    ['comments', '<!>'.repeat(210_000)],
    ['attributes', `<p ${Array.from({ length: 210_000 }, (_, i) => i.toString(36)).join(' ')}>`],
    ['text', 'x'.repeat(2 * 1024 * 1024 + 1)],
  ])('of more %s than any article has is refused before it costs much', (_what, html) => {
    expect(() => imagesIn(html)).toThrow(expect.objectContaining({ kind: 'too-big' }))
  })
})

test('the first base with an address is the one that counts', () => {
  expect(baseIn('<p>none</p>')).toBeUndefined()
  expect(baseIn('<head><base target=x><base href="https://a.example/x/"><base href=/y/></head>')).toBe(
    'https://a.example/x/',
  )
  expect(baseIn('<!-- <base href=/x/> -->')).toBeUndefined()
})
