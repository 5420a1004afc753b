/** What a reference to a file may look like. */

import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { FileRef } from '../../src/files/file.ts'

const long = (bytes: number): string => `https://h.example.com/${'x'.repeat(bytes - 22)}`

describe('a reference by URL', () => {
  test.each<[unknown, boolean]>([
    [{ url: 'https://h.example.com/a.jpg' }, true],
    [{ url: 'HTTP://h.example.com' }, true],
    [{ url: 'https://h.example.com/图.jpg?a=b#c' }, true],
    [{ url: 'http://127.0.0.1/' }, true],
    [{ url: long(2_048) }, true],
    [{ url: long(2_049) }, false],
    [{ url: `https://h.example.com/${'图'.repeat(1_000)}` }, false],
    [{ url: 'https://h.example.com/\ud800' }, false],
    [{ url: 'ftp://h.example.com/' }, false],
    [{ url: 'file:///etc/passwd' }, false],
    [{ url: 'data:,x' }, false],
    [{ url: 'h.example.com' }, false],
    [{ url: '' }, false],
    [{ url: 5 }, false],
    [{ url: 'https://h.example.com/', path: 'a' }, false],
    [{ url: 'https://h.example.com/', more: 1 }, false],
  ])('%j', (value, isGood) => {
    expect(FileRef.safeParse(value).success).toBe(isGood)
  })

  test('that is wrong is told what would be right', () => {
    for (const value of [{ url: 'ftp://h.example.com/' }, { url: long(3_000) }, {}, 'a'])
      expect(FileRef.safeParse(value).error?.issues[0]?.message).toMatch(/2048|http\(s\)|bytes/)
  })
})

test('other languages read it as one of three closed objects', () => {
  expect(z.toJSONSchema(FileRef, { io: 'input' })).toMatchObject({
    anyOf: [
      { type: 'object', required: ['path'], additionalProperties: false },
      {
        type: 'object',
        required: ['url'],
        additionalProperties: false,
        properties: { url: { type: 'string', format: 'uri', maxLength: 2_048 } },
      },
      { type: 'object', required: expect.arrayContaining(['spooled']), additionalProperties: false },
    ],
  })
})
