/** S09, S10 of notes/reliability.md: whatever is logged, no secret gets out, and every line is one line that a collector takes. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../src/fault.ts'
import { createLog, keepSecret, keepToken, type LogOptions, scrub } from '../src/log.ts'

const token = 'Tok3n_of-no.value~0123456789'

/** What was written by `work`, as text and line by line. */
function written(work: (log: ReturnType<typeof createLog>) => void, format: LogOptions['format'] = 'json') {
  let text = ''
  const stream = {
    write(line: string) {
      text += line
    },
  }
  work(createLog('debug', { stream, format }))
  return {
    text,
    lines: () =>
      text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
  }
}

describe('text', () => {
  test.each([
    `https://qyapi.weixin.qq.com/cgi-bin/media/get?access_token=${token}&media_id=x`,
    `GET /cgi-bin/gettoken?corpid=a&corpsecret=${token}`,
    `{"suite_access_token":"${token}"}`,
    `{\\"provider_access_token\\":\\"${token}\\"}`,
    `redis://user:${token}@host:6379/0`,
    `msg_signature=${token}`,
    `see https://bucket.example.com/a.jpg?X-Amz-Signature=${token}&X-Amz-Expires=60 for more`,
    `"https://cdn.example.com/b?sign=${token}"`,
  ])('loses the secret of %s', text => {
    expect(scrub(text)).not.toContain(token)
    expect(scrub(text)).toContain('[secret]')
  })

  test('without secrets stays as it is', () => {
    for (const text of [
      'media/upload was refused (40004)',
      'https://open.work.weixin.qq.com/devtool/query?e=40004',
      'https://media.example.com/a.jpg could not be had: is it there?',
      '',
    ]) {
      expect(scrub(text)).toBe(text)
    }
  })

  test('loses a known value wherever it stands, also as JSON and in a URL', () => {
    keepSecret('a-very-known-secret')
    keepSecret('p"ss w\\rd+/=%')
    expect(scrub('x a-very-known-secret y')).toBe('x [secret] y')
    expect(scrub('a-very-known-secreta-very-known-secret!')).toBe('[secret][secret]!')
    expect(scrub(JSON.stringify({ a: 'p"ss w\\rd+/=%' }))).toBe('{"a":"[secret]"}')
    expect(scrub(`u=${encodeURIComponent('p"ss w\\rd+/=%')}`)).toBe('u=[secret]')
  })

  test('loses any of thousands of secrets, and takes no longer than for few', () => {
    const secrets = Array.from({ length: 9_000 }, (_, n) => `secret-${n}-${(n * 7919) % 9001}`)
    for (const secret of secrets) keepSecret(secret)
    const line = `${'some text that is like a line of a log. '.repeat(10)}${secrets[4567]} ${secrets[8999]}`
    const startedMs = performance.now()
    for (let n = 0; n < 100; n += 1) scrub(line)
    expect((performance.now() - startedMs) / 100).toBeLessThan(5)
    expect(scrub(line)).not.toMatch(/secret-\d/)
  })

  test('loses the last tokens, and forgets those of long ago', () => {
    keepToken('token-of-long-ago')
    for (let n = 0; n < 2_000; n += 1) keepToken(`passing-token-${n}`)
    expect(scrub('passing-token-0, passing-token-1999')).toBe('[secret], [secret]')
    expect(scrub('token-of-long-ago')).toBe('token-of-long-ago')
  })

  test('that is hostile costs no more than its length', () => {
    for (const hostile of [
      'http://'.repeat(3_000),
      `https://${'a'.repeat(20_000)}`,
      '"access_token"'.repeat(2_000),
    ]) {
      const startedMs = performance.now()
      scrub(hostile)
      expect(performance.now() - startedMs).toBeLessThan(500)
    }
  })
})

/** Errors as Node, undici and we throw them, with the token wherever they may carry one. */
const url = `https://qyapi.weixin.qq.com/cgi-bin/media/get?access_token=${token}&media_id=x`
const badUrl = (): Error => {
  try {
    return new URL(`//${url}`) as never
  } catch (error) {
    return error as Error
  }
}
const canaries: Record<string, () => unknown> = {
  message: () => new Error(url),
  cause: () => new Error('x', { cause: new Error('y', { cause: new Error(url) }) }),
  'cause that is text': () => new Error('x', { cause: url }),
  AggregateError: () => new AggregateError([new Error(url), url], 'several'),
  'input of ERR_INVALID_URL': () => badUrl(),
  'a field of its own': () =>
    Object.assign(new Error('x'), { url, request: { path: url, headers: { token } } }),
  'a command of Redis': () =>
    Object.assign(new Error('NOAUTH'), { command: { name: 'auth', args: [token] } }),
  'the stack': () =>
    Object.assign(new Error('x'), { stack: `Error: ${url}\n    at f (file:///a.ts?t=1:1:1)\n${token}` }),
  'a fault': () =>
    new Fault('transient', 'no answer', { cause: new TypeError(`Failed to parse URL from ${url}`) }),
  'a getter': () => ({
    get token() {
      return url
    },
  }),
}

describe('an error', () => {
  test.each(Object.keys(canaries))('with a token in %s is logged without it', name => {
    const make = canaries[name] ?? (() => undefined)
    for (const format of ['json', 'pretty'] as const) {
      const { text } = written(log => {
        log.error({ error: make() }, 'failed')
        log.error(make())
        log.warn({ deep: { list: [{ error: make() }] } })
        log.child({ job: 'j1' }).info({ error: make() }, 'of a job')
      }, format)
      expect(text).not.toContain(token)
      expect(text.length).toBeGreaterThan(100)
    }
  })

  test('is told by kind, code, message, frames and causes, and by nothing else', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', secretField: 1 })
    const { lines } = written(log =>
      log.error({ error: new Fault('transient', 'no connection', { cause, errcode: 7 }) }),
    )
    expect(lines()).toEqual([
      {
        level: 'error',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        error: {
          ...{ type: 'Fault', kind: 'transient', errcode: 7, message: 'no connection' },
          stack: expect.stringMatching(/^at /),
          cause: {
            type: 'Error',
            code: 'ECONNREFUSED',
            message: 'connect ECONNREFUSED',
            stack: expect.any(String),
          },
        },
      },
    ])
  })
})

describe('a line', () => {
  test('is clean JSON without the token, whatever is logged and however deep', () => {
    const safe = fc.string({ maxLength: 20 }).filter(text => !/["\\]/.test(text))
    fc.assert(
      fc.property(safe, safe, (before, after) => {
        const found = `${before} https://h/x?access_token=${token}&y=${after}`
        const { text, lines } = written(log =>
          log.info({ deep: { url: found, error: new Error(found) }, list: [found] }, found),
        )
        expect(text).not.toContain(token)
        expect(lines()[0]).toHaveProperty('deep')
      }),
      { numRuns: 200 },
    )
  })

  test('is never longer than 16 KiB, and still says which job it is about', () => {
    const { text, lines } = written(log => {
      log
        .child({ job: 'j1', corp: 'ww1' })
        .warn({ list: Array.from({ length: 50 }, () => 'x'.repeat(1_900)) }, 'long')
      log.warn('y'.repeat(50_000))
      log.warn({ endless: circular() }, 'round')
    })
    for (const line of text.split('\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16 * 1024)
    expect(lines()[0]).toMatchObject({
      level: 'warn',
      job: 'j1',
      corp: 'ww1',
      msg: 'long',
      cutBytes: expect.any(Number),
    })
    expect(lines()).toHaveLength(3)
  })

  test('is readable on a terminal, and one line', () => {
    const { text } = written(log => log.info({ job: 'j1', method: 'media/get', ms: 3 }, 'call'), 'pretty')
    expect(text.trimEnd().split('\n')).toHaveLength(1)
    expect(() => JSON.parse(text)).toThrow()
  })
})

function circular(): object {
  const ring: { self?: object } = {}
  ring.self = ring
  return ring
}
