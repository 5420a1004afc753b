import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDisposition } from '../../src/wecom/content-disposition.ts'

/** As undici gives it: each byte of the header one character. */
const asRead = (header: string) => Buffer.from(header).toString('latin1')

describe('the file name in Content-Disposition', () => {
  test.each([
    ['attachment; filename="MEDIA_ID.jpg"', 'MEDIA_ID.jpg'],
    [`attachment; filename*=utf-8''%E6%8A%A5%E5%91%8A.pdf; filename="报告.pdf"`, '报告.pdf'],
    ['attachment; filename="报告.pdf"', '报告.pdf'],
    [`attachment;filename=voice`, 'voice'],
    [`attachment; FILENAME*=UTF-8'zh'%E6%8A%A5.txt`, '报.txt'],
    [`attachment; filename*=utf-8''%FF%FE; filename="ok.txt"`, 'ok.txt'],
    [`attachment; filename*=gb2312''%B1; filename="ok.txt"`, 'ok.txt'],
    ['attachment; filename="a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['attachment; filename="a;b=c.txt"', 'a;b=c.txt'],
    ['attachment; filename="../../etc/passwd"', '../../etc/passwd'],
    ['attachment; filename=".amr"', '.amr'],
    ['attachment; filename=""', undefined],
    [`attachment; filename*=utf-8''; filename=""`, undefined],
    ['attachment', undefined],
  ])('%s', (header, name) => {
    const disposition = parseDisposition(asRead(header))
    expect(disposition.isAttachment).toBe(true)
    expect(disposition.name).toBe(name)
  })

  test('a name that is Latin-1 and no UTF-8 stays Latin-1', () => {
    expect(parseDisposition('attachment; filename="caf\xe9.txt"').name).toBe('café.txt')
  })

  test.each([
    undefined,
    '',
    'inline; filename="a"',
    'form-data; name="attachment"',
  ])('%s marks no attachment', header => {
    expect(parseDisposition(header).isAttachment).toBe(false)
  })

  test('any name comes back from either form', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter(text => !/["\\\r\n\0]/.test(text) && text.isWellFormed())
    fc.assert(
      fc.property(name, text => {
        const encoded = encodeURIComponent(text).replace(/'/g, '%27')
        expect(parseDisposition(asRead(`attachment; filename="${text}"`)).name).toBe(text)
        expect(parseDisposition(`attachment; filename*=utf-8''${encoded}; filename="x"`).name).toBe(text)
      }),
      { numRuns: 300 },
    )
  })
})
