/**
 * The images of an article. No wrong acceptance: what is found as an image is one that stands in the text where it is
 * said to stand, one after the other; a new source can never bring more than its own text into the document, no other
 * attribute, element or image. No crash: any text is a document.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { imagesIn, withSources } from '../../src/files/html.ts'
import { hostileText, wordOf } from './hostile.ts'

/** Where a tag holds blanks, they are written as tabs. */
const tags = wordOf(
  '<img\tsrc=" <img\tsrc= <IMG\tSRC=\' <image\tsrc= <img\talt=" <img\tsrcset=x\tsrc= <img\tsrc\t= "> \'> > />',
  '<p> </p> <table> <td> <svg> <math> </svg> <template> </template> <a> <b> </b> <body\tx=1> <html> <select>',
  '<!-- --> <![CDATA[ ]]> <script> </script> <style> <noscript> <textarea> <title> <frameset> <form> <?xml?>',
  '<!doctype\thtml> &amp; &#0; &#x110000; &notit; &lt;img\tsrc=x&gt; a.png http://a.example/b?c=1&d=2 =',
)

const document = fc
  .array(fc.oneof({ weight: 5, arbitrary: tags }, { weight: 1, arbitrary: hostileText }), { maxLength: 30 })
  .map(pieces => pieces.join(''))

test('each image stands where it is said to, in order, and no two over each other', () => {
  fc.assert(
    fc.property(document, html => {
      let at = 0
      for (const { startOffset, endOffset } of imagesIn(html)) {
        expect(startOffset).toBeGreaterThanOrEqual(at)
        expect(endOffset).toBeGreaterThan(startOffset)
        expect(html.slice(startOffset, endOffset)).toMatch(/^src/i)
        at = endOffset
      }
      expect(at).toBeLessThanOrEqual(html.length)
    }),
    { numRuns: 1_000 },
  )
})

/** The document without the attributes of its images, and each image's source. */
const bare = (html: string): readonly [string, string[]] => {
  const images = imagesIn(html)
  return [withSources(html, () => ''), images.map(({ src }) => src)]
}

/** As a parser reads it: NUL becomes another character, and line ends one. */
const asRead = (src: string): string => src.replace(/\0/g, '\ufffd').replace(/\r\n?/g, '\n')

test('a new source brings nothing but itself into the document', () => {
  fc.assert(
    fc.property(document, hostileText, (html, src) => {
      const [rest, before] = bare(html)
      const [restNow, now] = bare(withSources(html, () => src))
      expect(now).toEqual(before.map(() => asRead(src)))
      expect(restNow).toBe(rest)
    }),
    { numRuns: 1_000 },
  )
})
