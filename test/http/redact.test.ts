/** What pages show of data that others wrote (S09). */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redacted } from '../../src/http/board/redact.ts'

const canary = 'C4nary-0f~no_value.77'

test.each([
  `https://cdn.example.com/a/b.png?X-Amz-Signature=${canary}&x=1`,
  `https://user:${canary}@media.example.com/a.png`,
  `https://${canary}@media.example.com/a.png`,
  `HTTP://EXAMPLE.COM:8443/a?sig=${canary}#part`,
  `fetch failed: //cdn.example.com/a?token=${canary} (ECONNRESET)`,
  `{"url":"https://h/x?a=b&sign=${canary}"}`,
  `{\\"url\\":\\"https://h/x?sign=${canary}\\"}`,
  `GET /cgi-bin/media/get?access_token=${canary}&media_id=1`,
  `access_token=${canary}`,
  `redis://:${canary}@10.0.0.1:6379`,
  `see https://h/query?e=40007&sign=${canary}`,
  `https://h/x?${canary}`,
  `https://h/x#access=${canary}`,
  `https://h/x?${'a'.repeat(300)}=${canary}`,
  `https://h/x?response-content-disposition=attachment;filename*%3DUTF-8''a.png&Signature=${canary}`,
  `can't read 'https://h/x?name=it's&sign=${canary}': not found`,
  `https://h/x?name="a b"&sign=${canary}`,
  `https://h/x?name=<a>&sign=${canary}`,
  `https://h/x?name=\\a\n&sign=${canary}`,
  `https://h/x;sign=${canary}`,
  `https://h/x#'${canary}`,
  `//cdn.example.com/a?${canary}`,
  `//u:${canary}@cdn.example.com/a`,
  `https:\\/\\/h\\/x?${canary}`,
  `see https%3A%2F%2Fh%2Fx%3Fsign%3D${canary}`,
  `see https%253A%252F%252Fh%252Fx%253Fsign%253D${canary}`,
])('no secret is shown of %s', text => {
  const shown = JSON.stringify(
    redacted({ text, list: [[text]], [text]: { deep: new URL('https://h/').href + text } }),
  )
  expect(shown).not.toContain(canary)
})

test('host and path stay, and so does every text without a query', () => {
  expect(redacted('https://u:p@cdn.example.com:8443/a/b.png?sig=1')).toBe(
    'https://cdn.example.com:8443/a/b.png?[hidden]',
  )
  const see = 'what? see https://open.work.weixin.qq.com/devtool/query?e=40007; then ask again: a@b.c'
  expect(redacted(see)).toBe(see)
  expect(redacted({ n: 1, is: true, no: null, at: new Date(0) })).toEqual({
    ...{ n: 1, is: true, no: null, at: '1970-01-01T00:00:00.000Z' },
  })
})

test.each([
  `https://h/my file?name=my file&${canary}`,
  `https://h/x?name="a" ${canary}`,
  `https://h/x?a=\n${canary}`,
])('a field that is a URL is cut at its query, whatever is in that: %s', url => {
  expect(JSON.stringify(redacted({ source: { url } }))).not.toContain(canary)
})

test('what is too long or too deep for a page is cut, and what follows is shown', () => {
  const deep = JSON.parse(`${'['.repeat(15_000)}${']'.repeat(15_000)}`)
  const long = `${'a'.repeat(70_000)} https://h/x?sign=${canary} ${'b'.repeat(2_000_000)}`
  const startMs = performance.now()
  const shown = JSON.stringify(redacted({ deep, long, last: 'here' }))
  expect(performance.now() - startMs).toBeLessThan(500)
  expect(shown).toContain('[too deep]')
  expect(shown).toContain('"last":"here"')
  expect(shown).not.toContain(canary)
  expect(shown.length).toBeLessThan(70_000)
})

test('of a webhook only the host is shown', () => {
  const webhook = `https://u:p@hooks.example.com/T0/${canary}?x=1`
  expect(redacted({ data: { webhook } })).toEqual({ data: { webhook: 'https://hooks.example.com/[hidden]' } })
  expect(redacted({ webhook: canary })).toEqual({ webhook: '[hidden]' })
})

test('a key that would be a prototype becomes a key', () => {
  const shown = redacted(JSON.parse('{"__proto__":{"x":1}}'))
  expect(Object.getPrototypeOf(shown)).toBe(Object.prototype)
  expect(JSON.stringify(shown)).toBe('{"__proto__":{"x":1}}')
})

test('a secret in the query or before the host is gone, whatever stands around it', () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9%._-]{1,12}$/)
  const around = fc.string({ maxLength: 30 })
  fc.assert(
    fc.property(around, word, word, around, (before, host, name, after) => {
      for (const url of [`https://${host}/p?${name}=${canary}`, `https://${name}:${canary}@${host}/p`])
        expect(JSON.stringify(redacted([`${before} ${url} ${after}`]))).not.toContain(canary)
    }),
    { numRuns: 300 },
  )
})

test('S16 hostile text costs no more than its length', () => {
  for (const part of ['https://', '?', '?a', 'a:', '@', '?a=', 'x://a', 'access_token'])
    for (const text of [part.repeat(100_000 / part.length), `${part.repeat(50_000 / part.length)}@?=`]) {
      const startMs = performance.now()
      redacted(text)
      expect(performance.now() - startMs, part).toBeLessThan(200)
    }
})
