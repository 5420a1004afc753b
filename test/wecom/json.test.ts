import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonObject } from '../../src/wecom/json.ts'

const read = (text: string) => jsonObject(Buffer.from(text))

describe('JSON from outside', () => {
  test.each([
    ['{"errcode":0,"errcode":40007}', 'a key twice'],
    ['{"a":{"b":1,"b":2}}', 'a key twice, deeper'],
    ['{"a":1,"\\u0061":2}', 'a key twice, spelt differently'],
    ['{"errcode":NaN}', 'NaN'],
    ['{"errcode":0', 'a cut'],
    ['[]', 'an array'],
    ['null', 'null'],
    ['0', 'a number'],
    ['', 'nothing'],
    ['<html></html>', 'a page'],
  ])('%s is no answer (%s)', text => {
    expect(read(text)).toBeUndefined()
  })

  test('keys may come again in other objects and as values', () => {
    const text = '{"a":{"k":1},"b":[{"k":2},{"k":"k"}],"k":"a:{\\"k\\":1}"}'
    expect(read(text)).toEqual(JSON.parse(text))
  })

  test('a byte order mark is dropped', () => {
    expect(read('\ufeff{"a":1}')).toEqual({ a: 1 })
  })

  test('every object that was written once is read as it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), object => {
        const text = JSON.stringify(object)
        expect(read(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 300 },
    )
  })

  test('no object with a repeated key is read', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (key, one, other) => {
        const member = (value: unknown) => `${JSON.stringify(key)} : ${JSON.stringify(value)}`
        expect(read(`{${member(one)},${member(other)}}`)).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })
})
