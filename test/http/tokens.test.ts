import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { appOf } from '../../src/http/job-view.ts'
import { authenticator, hashOfToken, newToken } from '../../src/http/tokens.ts'
import { scrub } from '../../src/log.ts'
import { run } from '../commands/cli.ts'
import { tempDir } from '../support/temp.ts'

const app = { WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET: 's1' }

async function read(tokens: unknown, more: Record<string, string> = {}) {
  const path = join(await tempDir(), 'tokens.json')
  await writeFile(path, typeof tokens === 'string' ? tokens : JSON.stringify(tokens))
  return readConfig({ ...app, WECOM_MEDIA_TOKENS: path, ...more })
}

test('the row that `token` prints lets its token in, for its apps and rights only', async () => {
  const made = await run(['token', 'shop', '--apps', 'default', '--read-only'])
  const { token, row } = made.object as { token: string; row: object }
  const { tokens } = await read({ tokens: [row] })
  const authenticate = authenticator(tokens)
  const caller = authenticate(`Bearer ${token}`)
  expect(caller).toMatchObject({ name: 'shop', rights: ['read'] })
  expect([caller?.mayUse('default'), caller?.mayUse('other')]).toEqual([true, false])
  for (const header of [undefined, '', token, `Bearer ${newToken()}`, `Bearer ${token} `, `Bearer  ${token}`])
    expect(authenticate(header)).toBeUndefined()
  expect(JSON.stringify(tokens)).not.toContain(token)
})

test.each([
  ['no name that can be a name', ['token', 'a b']],
  ['no app', ['token', 'shop', '--apps', '']],
])('%s is wrong usage', async (_what, args) => {
  expect((await run(args)).code).toBe(2)
})

test('all apps are a star', async () => {
  const sha256 = hashOfToken('x'.repeat(20))
  const { tokens } = await read({ tokens: [{ name: 'all', sha256, apps: ['*'] }] })
  const caller = authenticator(tokens)(`bearer ${'x'.repeat(20)}`)
  expect(caller?.mayUse('anything')).toBe(true)
  expect(caller?.rights).toEqual(['read', 'write'])
})

test.each([
  ['text', 'WECOM_MEDIA_TOKENS .* is no JSON'],
  [{}, 'tokens'],
  [{ tokens: [] }, 'must have a row'],
  [{ tokens: [{ name: 'a b', sha256: 'x', apps: [] }] }, 'tokens.0.name .*tokens.0.sha256 .*tokens.0.apps'],
  [{ tokens: [{ name: 'a', sha256: 'a'.repeat(64), apps: ['x'] }] }, '"a" names "x"'],
  [
    { tokens: ['a', 'b'].map(name => ({ name, sha256: 'a'.repeat(64), apps: ['*'] })) },
    '"b" stands there twice',
  ],
])('a tokens file that is wrong is refused by name: %j', async (file, message) => {
  await expect(read(file)).rejects.toThrow(new RegExp(message))
})

test('mistakes of the settings, the apps file and the tokens file are told at once', async () => {
  const apps = join(await tempDir(), 'apps.json')
  await writeFile(apps, '{"apps":{"a":{"corpId":"ww1"}}}')
  const wrong = { WECOM_MEDIA_APPS: apps, WECOM_MEDIA_PORT: 'x', WECOM_MEDIA_CONCURRENCY: '0' }
  await expect(read({ tokens: [] }, wrong)).rejects.toThrow(
    /WECOM_MEDIA_PORT.*WECOM_MEDIA_APPS.*WECOM_MEDIA_TOKENS/,
  )
})

test('the spool and the downloads lie in the folder that processes share', () => {
  const at = (more: Record<string, string>) => {
    const { spool, downloads } = readConfig({ ...app, ...more }, '/srv')
    return [spool, downloads]
  }
  expect(at({})).toEqual(['/srv/downloads/spool', '/srv/downloads'])
  expect(at({ WECOM_MEDIA_FILES: 'files' })).toEqual(['/srv/files/spool', '/srv/files/downloads'])
  expect(at({ WECOM_MEDIA_DOWNLOADS: '/d' })).toEqual(['/d/spool', '/d'])
  expect(at({ WECOM_MEDIA_FILES: '/f', WECOM_MEDIA_DOWNLOADS: '/d' })).toEqual(['/f/spool', '/d'])
})

test('S09 a token is scrubbed wherever it turns up', () => {
  const token = newToken()
  expect(scrub(`Authorization: Bearer ${token}, ${token}`)).toBe('Authorization: Bearer [secret], [secret]')
})

test('a job of a foreign producer belongs to the app that it does not name', () => {
  const of = (payload: unknown) => appOf({ payload: JSON.stringify(payload) } as never)
  expect([of({ mediaId: 'a' }), of({ app: 'b' }), of({ app: 1 }), of(null), of([])]).toEqual([
    ...['default', 'b', undefined, undefined, 'default'],
  ])
})
