import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { tempDir } from '../support/temp.ts'
import { failure, type Line, run, runMany, type Said, tell } from './cli.ts'

const env = { WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET: 'nothing', WECOM_BASE_URL: 'http://127.0.0.1:9/' }
const up = ['upload', 'image', 'photo.jpg']

/** What is wrong -> the command line, and what the answer must name. Nothing is started for any of them. */
const mistakes: Record<string, [Line, naming: readonly string[], kind?: string]> = {
  'no command': [{ args: [] }, ['upload', 'download', 'serve', 'simulate', 'demo']],
  'an unknown command': [{ args: ['uplod'] }, ['uplod', 'upload']],
  'help for an unknown command': [{ args: ['help', 'uplod'] }, ['upload']],
  'an unknown flag': [{ args: [...up, '--heer'] }, ['--heer', '--here']],
  'a missing argument': [{ args: ['upload', 'image'] }, ['path']],
  'one argument too many': [{ args: ['download', 'a', 'b'] }, ['download']],
  'an unknown type': [
    { args: ['upload', 'picture', 'photo.jpg'] },
    ['picture', 'image', 'voice', 'video', 'file'],
  ],
  'a timeout that is none': [{ args: [...up, '--timeout', 'soon'] }, ['soon', '30s']],
  'a timeout of nothing': [{ args: [...up, '--timeout', '0'] }, ['30s']],
  'a timeout that no timer can hold': [{ args: [...up, '--timeout', '60000h'] }, ['480h']],
  'a job here that nobody waits for': [{ args: [...up, '--here', '--no-wait'] }, ['--no-wait', '--here']],
  'a key for a job here': [{ args: [...up, '--here', '--key', 'k'] }, ['--key', '--here']],
  'a timeout without waiting': [
    { args: [...up, '--no-wait', '--timeout', '1s'] },
    ['--timeout', '--no-wait'],
  ],
  'an output without waiting': [
    { args: ['download', 'm', '-o', 'x', '--no-wait'] },
    ['--output', '--no-wait'],
  ],
  'an output of an article without waiting': [
    { args: ['article', 'a.html', '-o', 'x', '--no-wait'] },
    ['--output', '--no-wait'],
  ],
  'an unknown use': [{ args: [...up, '--attachment', 'wallpaper'] }, ['wallpaper', 'moments', 'cashier']],
  'an unknown codec': [{ args: ['download', 'm', '--voice', 'mp3'] }, ['mp3', 'speex']],
  'raw frames of no voice': [{ args: ['download', 'm', '--raw'] }, ['--raw', '--voice speex']],
  'an async image': [
    { args: ['async-upload', 'image', 'https://a.example/b', '--name', 'b'] },
    ['video, file'],
  ],
  'an async upload without a name': [{ args: ['async-upload', 'file', 'https://a.example/b'] }, ['--name']],
  'an async upload of a path': [{ args: ['async-upload', 'file', 'b.zip', '--name', 'b'] }, ['b.zip', 'URL']],
  'an image here of an unknown app': [
    { args: ['upload-image', 'photo.jpg', '--here', '--app', 'other'], env },
    ['other', 'default'],
    'config',
  ],
  'hosts of sources that are none': [
    {
      args: ['upload-image', 'http://a.example/b', '--here'],
      env: { ...env, WECOM_MEDIA_URLS: 'a.example:80' },
    },
    ['WECOM_MEDIA_URLS'],
    'config',
  ],
  'no Redis for an async upload': [
    { args: ['async-upload', 'file', 'https://a.example/b', '--name', 'b'], env },
    ['REDIS_URL', '--here'],
    'config',
  ],
  'an output to stdout': [{ args: ['download', 'm', '-o', '-', '--here'], env }, ['--output']],
  'an output into no folder': [{ args: ['download', 'm', '-o', 'no/x', '--here'], env }, ['/no']],
  'no Redis and not here': [{ args: up, env }, ['REDIS_URL', '--here'], 'config'],
  'no Redis in production': [
    { args: [...up, '--here'], env: { ...env, NODE_ENV: 'production' } },
    ['REDIS_URL'],
    'config',
  ],
  'no Redis for a server in production': [
    { args: ['serve'], env: { ...env, NODE_ENV: 'production' } },
    ['REDIS_URL'],
    'config',
  ],
  'no app': [{ args: [...up, '--here'] }, ['WECOM_CORP_ID', 'WECOM_CORP_SECRET'], 'config'],
  'no app for a server': [{ args: ['serve'] }, ['WECOM_CORP_ID', 'WECOM_CORP_SECRET'], 'config'],
  'half an app': [
    { args: [...up, '--here'], env: { WECOM_CORP_ID: 'ww1' } },
    ['WECOM_CORP_SECRET'],
    'config',
  ],
  'an unknown app': [{ args: [...up, '--here', '--app', 'other'], env }, ['other', 'default'], 'config'],
  'settings that are none': [
    { args: ['serve'], env: { ...env, REDIS_URL: 'http://x', LOG_LEVEL: 'loud' } },
    ['REDIS_URL', 'LOG_LEVEL'],
    'config',
  ],
  'a platform with a query': [
    { args: ['serve'], env: { ...env, WECOM_BASE_URL: 'http://127.0.0.1:9/?debug=1' } },
    ['WECOM_BASE_URL'],
    'config',
  ],
  'a Redis without a host': [{ args: up, env: { ...env, REDIS_URL: 'redis:///x' } }, ['REDIS_URL'], 'config'],
  'a root that is not there': [
    { args: [...up, '--here'], env: { ...env, WECOM_MEDIA_ROOTS: '/no/root' } },
    ['WECOM_MEDIA_ROOTS', '/no/root'],
    'config',
  ],
  'a port that is none': [{ args: ['simulate', '--port', '70000'] }, ['70000', '65535']],
  'an address of somebody else': [{ args: ['simulate', '--host', '192.0.2.1'] }, ['192.0.2.1']],
  'an empty corp': [{ args: ['simulate', '--corp', ''] }, ['--corp']],
  'schemas into a file': [{ args: ['schemas', '--write', 'a-file/x'] }, ['a-file']],
}

describe('wrong usage ends with 2, one line for people and one object for programs', () => {
  let said: readonly Said[] = []
  beforeAll(async () => {
    const cwd = await tempDir()
    for (const name of ['a-file', 'photo.jpg']) await writeFile(join(cwd, name), '')
    said = await runMany(Object.values(mistakes).map(([line]) => ({ ...line, cwd })))
  })

  test.each(Object.keys(mistakes).map((what, index) => [what, index] as const))('%s', (what, index) => {
    const [, naming, kind = 'invalid'] = mistakes[what] ?? expect.unreachable()
    const { code, kind: found, message } = failure(said[index] ?? expect.unreachable())
    expect({ code, kind: found }).toEqual({ code: 2, kind })
    for (const name of naming) expect(message).toContain(name)
  })
})

describe('the program', () => {
  test('ends with 2 for a mistake, seen from outside', async () => {
    const { code, object } = await run(['upload', 'picture', 'photo.jpg'])
    expect(code).toBe(2)
    expect(object).toEqual({ error: { kind: 'invalid', message: expect.stringContaining('image') } })
  })

  test('explains itself and tells its version: that ends with 0', async () => {
    const lines = [['--help'], ['help', 'upload'], ['download', '--help'], ['--version']]
    const [all, up, down, version] = await tell(lines.map(args => ({ args })))
    for (const said of [all, up, down, version]) expect(said).toMatchObject({ code: 0, stderr: '' })
    expect(all?.stdout).toMatch(/^Usage: wecom-media \[options\] \[command\]\n/)
    expect(up?.stdout).toMatch(/^Usage: wecom-media upload [\s\S]*WECOM_MEDIA_ROOTS/)
    expect(down?.stdout).toMatch(/^Usage: wecom-media download [\s\S]*WECOM_MEDIA_DOWNLOADS/)
    const found = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'))
    expect(version?.stdout).toBe(`${found.version}\n`)
  })

  test('writes the schemas where it is told to', async () => {
    const cwd = await tempDir()
    await mkdir(join(cwd, 'there'))
    const [said] = await runMany([{ args: ['schemas', '--write', 'there'], cwd }])
    expect(said?.code).toBe(0)
    expect(said?.object['files']).toContain('there/media.upload.payload.json')
  })
})
