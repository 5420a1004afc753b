/**
 * S13, and payloads of foreign producers. No wrong acceptance: what a payload's schema takes has only the keys that the
 * table names, with values within their caps, and is taken again as it came out; a reference names either a path or an
 * http(s) URL. No crash: anything else is the fault `invalid` in one line. Whatever a key is called, no prototype is
 * touched, and nothing is read from one.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { FileRef } from '../../src/files/file.ts'
import { type JobName, jobs, payloadMaxBytes } from '../../src/queues/jobs.ts'
import { fingerprintOf, parsePayload } from '../../src/queues/parse.ts'
import { hostileText, wordOf } from './hostile.ts'

const names = Object.keys(jobs) as JobName[]

const good: Readonly<Record<JobName, Readonly<Record<string, unknown>>>> = {
  'media.upload': { type: 'file', source: { path: 'a' } },
  'media.download': { mediaId: 'm' },
  'media.upload-image': { source: { url: 'http://a.example/b.png' } },
  'media.article': { html: '<p>' },
  'media.async-upload': { type: 'video', url: 'https://a.example/b.mp4', name: 'b.mp4' },
  'media.notify': { job: 'upload-1', end: 1 },
}

const evilNames = wordOf('__proto__ constructor prototype toString valueOf then toJSON polluted')
const fieldNames = wordOf(
  'app type source name urgent deadlineMs attachment mediaId maxBytes voice container html onFailure onUnknown url md5 path webhook job end',
)

const leaf = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, false, 0, -1, 1, 1.5, 60_000, 1e308, ''),
  wordOf('default file speex ogg moments keep hold /etc/passwd ../x 0123456789abcdef0123456789abcdef'),
  wordOf('http://a.example/x file:///etc/passwd javascript:alert(1)'),
  fc.double(),
)

/** By way of JSON: an own key that is called `__proto__`, as it comes out of Redis. */
const fromPairs = (pairs: readonly (readonly [string, unknown])[]): unknown =>
  JSON.parse(
    `{${pairs.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each ?? null)}`).join(',')}}`,
  )

const value: fc.Arbitrary<unknown> = fc.letrec(tie => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('object'),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
  object: fc
    .array(fc.tuple(fc.oneof(fieldNames, evilNames), tie('any')), { maxLength: 4 })
    .map(pairs => fromPairs(pairs)),
})).any

const prototypes = (): unknown => [
  ({} as Record<string, unknown>)['polluted'],
  Object.keys(Object.prototype),
  Object.keys(Array.prototype),
  Object.keys(Function.prototype),
]
const clean = [undefined, [], [], []]

/** The payload, or nothing for the fault `invalid`. Anything else that is thrown fails the test. */
const parsed = (name: JobName, data: unknown): object | undefined => {
  try {
    return parsePayload(name, data)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    expect(error.kind).toBe('invalid')
    expect(error.message.length).toBeLessThan(700)
    return undefined
  }
}

const keysOf = (name: JobName): string[] => {
  const { payload } = jobs[name]
  return Object.keys(payload.shape)
}

test.each(names)('%s: a payload is good with the fields that it needs, and with nothing else', name => {
  expect(parsed(name, good[name])).toBeDefined()
  expect(parsed(name, { ...good[name], polluted: 1 })).toBeUndefined()
  expect(parsed(name, { ...good[name], constructor: { prototype: { polluted: 1 } } })).toBeUndefined()
  const fields = JSON.stringify(good[name])
  expect(parsed(name, JSON.parse(`{"__proto__":${fields}}`))).toBeUndefined()
  expect(parsed(name, JSON.parse(`{"constructor":{"prototype":${fields}}}`))).toBeUndefined()
})

test.each(names)('%s: what is taken has known keys only, and is taken again as it is', name => {
  const change = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...keysOf(name)), evilNames), value), {
    maxLength: 3,
  })
  const data = fc.oneof(
    value,
    change.map(pairs => fromPairs([...Object.entries(good[name]), ...pairs])),
  )
  fc.assert(
    fc.property(data, data => {
      const payload = parsed(name, data)
      expect(prototypes()).toEqual(clean)
      if (payload === undefined) return
      expect(Object.getPrototypeOf(payload)).toBe(Object.prototype)
      for (const key of Object.keys(payload)) expect(keysOf(name)).toContain(key)
      const json = JSON.stringify(payload)
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(payloadMaxBytes + 200)
      expect(parsed(name, JSON.parse(json))).toEqual(payload)
      expect(fingerprintOf(name, JSON.stringify(parsed(name, JSON.parse(json))))).toBe(
        fingerprintOf(name, json),
      )
    }),
    { numRuns: 600 },
  )
})

test('a reference is a path or an http(s) URL, and nothing besides', () => {
  const keys = fc.oneof(wordOf('path url spooled'), evilNames)
  const object = fc
    .array(fc.tuple(keys, fc.oneof(value, hostileText, fc.webUrl())), { maxLength: 3 })
    .map(pairs => fromPairs(pairs))
  fc.assert(
    fc.property(fc.oneof(object, value), data => {
      const { success, data: ref } = FileRef.safeParse(data)
      expect(prototypes()).toEqual(clean)
      if (!success) return
      expect(Object.keys(ref)).toHaveLength(1)
      if ('path' in ref) expect(ref.path).toMatch(/^[^\0]+$/su)
      else if ('spooled' in ref) expect(ref.spooled).toMatch(/^[\w-]+\/[0-9a-f]{64}(\.[a-z0-9]+)?$/)
      else expect(URL.parse(ref.url)?.protocol).toMatch(/^https?:$/)
      const text = Object.values(ref).join('')
      expect(text.isWellFormed()).toBe(true)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096)
    }),
    { numRuns: 3_000 },
  )
})

test('a payload over the cap is refused, though each of its fields is within its own', () => {
  const html = (marks: number) => ({ html: '"'.repeat(marks) })
  expect(parsed('media.article', html(16_000))).toBeDefined()
  expect(parsed('media.article', html(17_000))).toBeUndefined()
  for (const name of names) expect(parsed(name, undefined)).toBeUndefined()
})
