import { basename, win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { publishedExtension, safeName } from '../../src/files/safe-name.ts'

const rtl = '\u202e'

describe('S08: a name from outside', () => {
  test.each<[string, string]>([
    ['report.pdf', 'report.pdf'],
    ['报告 2026.pdf', '报告 2026.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\x\\evil.exe', 'evil.exe'],
    ['a/b\\c.txt', 'c.txt'],
    ['dir/', 'fallback'],
    ['.bashrc', 'bashrc'],
    ['...', 'fallback'],
    ['. . .x', 'x'],
    ['x. . ', 'x'],
    ['', 'fallback'],
    ['   ', 'fallback'],
    ['a\0b.txt', 'ab.txt'],
    ['a\r\nSet-Cookie: x', 'aSet-Cookie x'],
    ['"quoted".txt', 'quoted.txt'],
    ['a<b>:c|d?e*f', 'abcdef'],
    [`invoice${rtl}fdp.exe`, 'invoicefdp.exe'],
    ['a\u200b\ufeff.txt', 'a.txt'],
    ['e\u0301.txt', 'é.txt'],
    ['e\u200b\u0301.txt', 'é.txt'],
    ['con', '_con'],
    ['CON.txt', '_CON.txt'],
    ['nul .txt', '_nul .txt'],
    ['lpt¹', '_lpt¹'],
    ['c\u200bon', '_con'],
    ['console.txt', 'console.txt'],
    ['com10.txt', 'com10.txt'],
    ['a\ud800b', 'a\ufffdb'],
    ['语音', '语音'],
    ['.amr', 'amr'],
  ])('%j becomes %j', (raw, expected) => {
    expect(safeName(raw, 'fallback')).toBe(expected)
  })

  test('is cut to 180 bytes at a code point, and keeps its extension', () => {
    const cut = safeName(`${'图'.repeat(100)}.pdf`, 'fallback')
    expect(cut).toBe(`${'图'.repeat(58)}.pdf`)
    expect(safeName('😀'.repeat(100), 'fallback')).toBe('😀'.repeat(45))
    expect(safeName(`a.${'x'.repeat(300)}`, 'fallback')).toBe(`a.${'x'.repeat(178)}`)
  })

  test('is always one plain base name of 1 to 180 bytes, on every system, and stable', () => {
    const parts = fc.constantFrom(
      '/',
      '\\',
      '..',
      '.',
      ' ',
      'con',
      'nul.',
      '\0',
      '\n',
      rtl,
      '图',
      'e\u0301',
      '\ud800',
      '"',
      'x'.repeat(90),
    )
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(parts, { maxLength: 12 }).map(all => all.join('')),
    )
    fc.assert(
      fc.property(any, raw => {
        const name = safeName(raw, 'fallback')
        const bytes = Buffer.byteLength(name)
        expect(bytes > 0 && bytes <= 180).toBe(true)
        expect(name).toBe(basename(name))
        expect(name).toBe(win32.basename(name))
        expect(name).not.toMatch(/^[. ]|[. ]$|[\p{Cc}<>:"|?*/\\\u202a-\u202e\u2066-\u2069]/u)
        expect(name.isWellFormed()).toBe(true)
        expect(name).toBe(name.normalize('NFC'))
        expect(safeName(name, 'fallback')).toBe(name)
      }),
      { numRuns: 2_000 },
    )
  })
})

test.each<[string | undefined, string | undefined, string]>([
  ['a.PDF', undefined, 'pdf'],
  ['a.jpg', 'application/pdf', 'jpg'],
  ['voice', 'voice/amr', 'amr'],
  [undefined, 'image/jpeg; charset=x', 'jpg'],
  ['a.html', 'text/html', 'bin'],
  ['a.svg', 'image/svg+xml', 'bin'],
  ['a.exe', 'application/pdf', 'pdf'],
  ['a.pdf/../b.sh', undefined, 'bin'],
  ['a.constructor', 'constructor', 'bin'],
  ['__proto__', '__proto__', 'bin'],
  [undefined, undefined, 'bin'],
  ['a.tar.gz', undefined, 'gz'],
])('%j of type %j is published as .%s', (name, type, expected) => {
  expect(publishedExtension(name, type)).toBe(expected)
})
