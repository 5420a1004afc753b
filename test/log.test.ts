import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLog, keepSecret, scrub } from '../src/log.ts'

const token = 'Tok3n_of-no.value~0123456789'

test.each([
  `https://qyapi.weixin.qq.com/cgi-bin/media/get?access_token=${token}&media_id=x`,
  `GET /cgi-bin/gettoken?corpid=a&corpsecret=${token}`,
  `{"suite_access_token":"${token}"}`,
  `{\\"provider_access_token\\":\\"${token}\\"}`,
  `redis://user:${token}@host:6379/0`,
  `msg_signature=${token}`,
])('no secret is left in %s', text => {
  expect(scrub(text)).not.toContain(token)
  expect(scrub(text)).toContain('[secret]')
})

test('a known value is taken out wherever it stands', () => {
  keepSecret('a-very-known-secret')
  expect(scrub('x a-very-known-secret y')).toBe('x [secret] y')
})

test('text without secrets stays as it is', () => {
  for (const text of [
    'media/upload was refused (40004)',
    'https://open.work.weixin.qq.com/devtool/query?e=40004',
    '',
  ]) {
    expect(scrub(text)).toBe(text)
  }
})

test('whatever is logged, however deep, the line is clean JSON without the token', () => {
  const safe = fc.string({ maxLength: 20 }).filter(text => !/["\\]/.test(text))
  fc.assert(
    fc.property(safe, safe, (before, after) => {
      let line = ''
      const log = createLog('info', {
        write: text => {
          line += text
        },
      })
      const url = `${before} https://h/x?access_token=${token}&y=${after}`
      log.info({ deep: { url, error: new Error(url) }, list: [url] }, url)
      expect(line).not.toContain(token)
      expect(JSON.parse(line)).toHaveProperty('deep')
    }),
    { numRuns: 200 },
  )
})
