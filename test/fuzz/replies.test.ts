/**
 * No wrong acceptance: an answer counts as a success only when it is one JSON object without a repeated key, of HTTP
 * 200, with errcode 0 or none, and has what its method must have in the type it must have; a number in it is one that
 * time can be made of. No crash: anything else is a `Fault`, never another error; nothing in it reaches a prototype (S13).
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ZodType } from 'zod'
import { Fault } from '../../src/fault.ts'
import { readReply } from '../../src/wecom/answer.ts'
import { jsonObject } from '../../src/wecom/json.ts'
import * as replies from '../../src/wecom/replies.ts'
import { hostileNumber, hostileText, wordOf } from './hostile.ts'

const keys = wordOf(
  'errcode errmsg access_token suite_access_token provider_access_token expires_in url type',
  'media_id created_at create_at jobid status detail __proto__ constructor prototype toString polluted',
)

const leaf = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, -1, 40007, 7200, 1_700_000_000, null, true, ''),
  wordOf(
    '0 1 2 3 -1 1700000000 7200 http://p.qpic.cn/x javascript:alert(1) file:///etc/passwd HTTPS://a.example/x',
  ),
  // What JSON can say: not -0, NaN or infinite.
  fc.double().map(number => JSON.parse(JSON.stringify(number))),
  hostileNumber,
  hostileText,
)

/** Pairs and not an object: `__proto__` shall be a key like others, and keys may come twice. */
type Pairs = readonly (readonly [string, unknown])[]
const inner: fc.Arbitrary<Pairs> = fc.array(fc.tuple(keys, leaf), { maxLength: 5 })
const any: fc.Arbitrary<Pairs> = fc.array(
  fc.oneof(fc.tuple(keys, leaf), fc.tuple(keys, leaf), fc.tuple(keys, inner)),
  { maxLength: 8 },
)

/** What every method would take. */
const good: Pairs = [
  ...[['errcode', 0] as const, ['access_token', 't'] as const, ['suite_access_token', 't'] as const],
  ...[['provider_access_token', 't'] as const, ['expires_in', 7200] as const, ['jobid', 'j'] as const],
  ...[
    ['url', 'http://a.example/'] as const,
    ['media_id', 'm'] as const,
    ['created_at', '1700000000'] as const,
  ],
  ['status', 1],
]

/** The same, with other values here and there, and something besides. */
const nearlyGood: fc.Arbitrary<Pairs> = fc
  .tuple(fc.array(fc.tuple(keys, leaf), { maxLength: 2 }), any)
  .map(([others, more]) => [
    ...good.map(pair => others.find(([key]) => key === pair[0]) ?? pair),
    ...more.slice(0, 1),
  ])

const pairs = fc.oneof(any, nearlyGood, nearlyGood)

const isPairs = (value: unknown): value is Pairs => Array.isArray(value)
const written = (pairs: Pairs): string =>
  `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${isPairs(value) ? written(value) : JSON.stringify(value)}`).join(',')}}`

const isRepeated = (pairs: Pairs): boolean =>
  new Set(pairs.map(([key]) => key)).size < pairs.length ||
  pairs.some(([, value]) => isPairs(value) && isRepeated(value))

const schemas = Object.entries(replies) as [string, ZodType][]

const read = async (schema: ZodType, text: string, { status = 200, headers = {} } = {}): Promise<unknown> => {
  async function* chunks() {
    yield Buffer.from(text)
  }
  const answer = {
    method: 'media/upload',
    status,
    headers,
    chunks: chunks(),
    bodySent: true,
    cancel() {},
  } as const
  try {
    return await readReply(schema)(answer)
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

const pollution = (): unknown[] => [
  ({} as Record<string, unknown>)['polluted'],
  Object.keys(Object.prototype),
]

test.each(
  schemas,
)('%s: what is taken has errcode 0, no key twice, and every field in its type', async (_, schema) => {
  await fc.assert(
    fc.asyncProperty(pairs, async pairs => {
      const reply = await read(schema, written(pairs))
      expect(pollution()).toEqual([undefined, []])
      if (reply === undefined) return
      expect(isRepeated(pairs)).toBe(false)
      const json = new Map(pairs)
      expect(json.get('errcode') ?? 0).toBe(0)
      checkFields(reply as Record<string, unknown>)
    }),
    { numRuns: 800 },
  )
})

function checkFields(reply: Readonly<Record<string, unknown>>): void {
  expect(Object.getPrototypeOf(reply)).toBe(Object.prototype)
  for (const [name, value] of Object.entries(reply)) {
    if (name === 'state') expect(['running', 'done', 'failed']).toContain(value)
    else if (name === 'detail') checkFields(value as Record<string, unknown>)
    else if (name === 'url') expect(URL.parse(String(value))?.protocol).toMatch(/^https?:$/)
    else if (/^(created?_at|expires_in)$/.test(name)) {
      if (value !== undefined) expect(value).toBeGreaterThan(0)
    } else if (name !== 'errcode' && value !== undefined) expect(value).toBeTypeOf('string')
  }
}

test.each(schemas)('%s: no broken, cut or doubled text is taken', async (_, schema) => {
  const text = written(good)
  expect(await read(schema, text)).toBeDefined()
  for (const bad of [`${text}${text}`, `[${text}]`, text.replaceAll('"', "'"), text.replace('0,', '1,'), ''])
    expect(await read(schema, bad), bad).toBeUndefined()
  for (let end = 0; end < text.length; end += 7)
    expect(await read(schema, text.slice(0, end))).toBeUndefined()
  expect(await read(schema, text, { status: 500 })).toBeUndefined()
  expect(await read(schema, text, { headers: { 'error-code': '40007' } })).toBeUndefined()
})

test('a text is an object without repeated keys, or nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        pairs.map(written),
        hostileText,
        fc.json(),
        fc.uint8Array().map(each => Buffer.from(each).toString('latin1')),
      ),
      text => {
        const object = jsonObject(Buffer.from(text))
        expect(pollution()).toEqual([undefined, []])
        if (object === undefined) return
        expect(object).toEqual(JSON.parse(text))
        expect(Array.isArray(object)).toBe(false)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('S13: an errcode that only a prototype has is none', async () => {
  const text = '{"__proto__":{"errcode":40007},"constructor":{"prototype":{"polluted":1}},"jobid":"j"}'
  expect(await read(replies.jobReply, text)).toEqual({ jobid: 'j' })
  expect(pollution()).toEqual([undefined, []])
})

test.each([
  ['created_at', replies.uploadReply, ['0', '-1', '"0"', '"-1"', '""', '1.5', '"1e9"', 'null', 'true', '[]']],
  ['expires_in', replies.tokenReply, ['0', '-1', '"0"', '"-1"', '""', '"Infinity"', 'null', 'true', '[]']],
] as const)('%s is above zero, or there is no answer', async (field, schema, values) => {
  const text = (value: string) => `{"media_id":"m","access_token":"t","${field}":${value}}`
  expect(await read(schema, text('1'))).toBeDefined()
  for (const value of values) expect(await read(schema, text(value)), value).toBeUndefined()
})

test.each([
  ['a time in milliseconds', replies.uploadReply, '{"media_id":"m","created_at":1700000000000}'],
  ['a time that no date can hold', replies.uploadReply, '{"media_id":"m","created_at":9007199254740991}'],
  ['a life of part of a millisecond', replies.tokenReply, '{"access_token":"t","expires_in":7200.0001}'],
  ['a life without end', replies.tokenReply, '{"access_token":"t","expires_in":1e308}'],
  ['a life in hexadecimal', replies.tokenReply, '{"access_token":"t","expires_in":"0x1C20"}'],
] as const)('%s is no answer', async (_, schema, text) => {
  expect(await read(schema, text)).toBeUndefined()
})

test.each(['[', '{"a":', '"', '\\', '{"', '"a":1,'])('64 KB of %j are read soon', piece => {
  const startMs = performance.now()
  jsonObject(Buffer.from(`{${piece.repeat(65_000 / piece.length)}}`))
  jsonObject(Buffer.from(`{"a":"${piece.replaceAll('"', '\\"').replaceAll(/\\$/g, '\\\\').repeat(20_000)}"}`))
  expect(performance.now() - startMs).toBeLessThan(300)
})
