import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { tempDir } from './support/temp.ts'

const refused = (environment: Record<string, string>): string => {
  try {
    readConfig(environment)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was taken')
}

const aesKey = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA'

async function appsFile(content: unknown): Promise<string> {
  const path = join(await tempDir(), 'apps.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('the environment describes one app, with its callback', () => {
  const config = readConfig({
    WECOM_CORP_ID: 'ww1',
    WECOM_CORP_SECRET: 's1',
    WECOM_CALLBACK_TOKEN: 'T1',
    WECOM_CALLBACK_AES_KEY: aesKey,
    WECOM_CALLBACK_DOWNLOAD: 'image, voice',
  })
  expect(config.apps).toEqual({
    default: { corpId: 'ww1', secret: 's1', callback: { token: 'T1', aesKey, download: ['image', 'voice'] } },
  })
})

test('a secret may stand in a file, without the line end that editors leave', async () => {
  const folder = await tempDir()
  await writeFile(join(folder, 'secret'), 's1\n')
  const files = { WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET_FILE: join(folder, 'secret') }
  expect(readConfig(files).apps).toMatchObject({ default: { secret: 's1' } })
  expect(refused({ ...files, WECOM_CORP_SECRET: 's2' })).toMatch(
    /WECOM_CORP_SECRET and WECOM_CORP_SECRET_FILE/,
  )
  expect(refused({ ...files, WECOM_CORP_SECRET_FILE: join(folder, 'none') })).toMatch(/_FILE: .*ENOENT/)
  await writeFile(join(folder, 'empty'), '\n')
  expect(refused({ ...files, WECOM_CORP_SECRET_FILE: join(folder, 'empty') })).toMatch(/is empty/)
})

test('webhooks are on with hosts and a secret, of which there may be two', async () => {
  const on = { WECOM_MEDIA_WEBHOOK_HOSTS: 'app.example.com' }
  const [old, young] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'a-plain-text-of-enough-characters']
  expect(readConfig({}).webhooks).toMatchObject({ web: { hosts: 'off' }, secrets: [] })
  expect(readConfig({ ...on, WECOM_MEDIA_WEBHOOK_SECRET: old }).webhooks).toMatchObject({
    ...{ web: { hosts: ['app.example.com'], ports: [], privateNets: [] }, secrets: [old] },
  })
  const file = join(await tempDir(), 'secrets')
  await writeFile(file, `${young}\n${old}\n`)
  expect(readConfig({ ...on, WECOM_MEDIA_WEBHOOK_SECRET_FILE: file }).webhooks.secrets).toEqual([young, old])
  expect(refused(on)).toMatch(/set WECOM_MEDIA_WEBHOOK_SECRET, too/)
})

test.each([
  ['short', 'openssl rand'],
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZI', 'openssl rand'],
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw!', 'base64 after whsec_'],
  ['密钥密钥密钥密钥密钥密钥密钥', 'ASCII'],
  [['a', 'b', 'c'].map(each => each.repeat(30)).join(' '), 'or two'],
])('a webhook secret such as "%s" is none', (secret, why) => {
  const told = refused({ WECOM_MEDIA_WEBHOOK_SECRET: secret })
  expect(told).toContain(why)
  expect(told).not.toContain(secret)
})

test('the apps file describes many, with secrets as values, variables and files', async () => {
  const path = await appsFile({
    apps: {
      sales: { corpId: 'ww1', secret: 'plain' },
      agent: { kind: 'agent-built', corpId: 'ww2', secret: { env: 'AGENT_CODE' } },
      tenant: { kind: 'third-party', suite: 'drive', corpId: 'ww3', permanentCode: { file: 'secrets/code' } },
      us: { kind: 'provider', corpId: 'wwp', secret: 'ps' },
    },
    suites: {
      drive: {
        suiteId: 'ww_suite',
        suiteSecret: { env: 'SUITE_SECRET' },
        providerCorpId: 'wwp',
        callback: { token: { env: 'TOKEN' }, aesKey },
      },
    },
  })
  await mkdir(join(path, '../secrets'))
  await writeFile(join(path, '../secrets/code'), 'pc\n')
  const config = readConfig({ WECOM_MEDIA_APPS: path, AGENT_CODE: 'ac', SUITE_SECRET: 'ss', TOKEN: 'T1' })
  expect(config.apps).toEqual({
    sales: { corpId: 'ww1', secret: 'plain' },
    agent: { kind: 'agent-built', corpId: 'ww2', secret: 'ac' },
    tenant: { kind: 'third-party', suite: 'drive', corpId: 'ww3', permanentCode: 'pc' },
    us: { kind: 'provider', corpId: 'wwp', secret: 'ps' },
  })
  expect(config.suites['drive']).toEqual({
    ...{ suiteId: 'ww_suite', suiteSecret: 'ss', providerCorpId: 'wwp' },
    callback: { token: 'T1', aesKey, download: [] },
  })
})

test('every mistake of the apps file is told by its place, and none repeats a secret', async () => {
  const path = await appsFile({
    apps: {
      drive: { corpId: 'ww1', secret: { env: 'NOT_SET' } },
      tenant: { kind: 'third-party', suite: 'none', corpId: 'ww3', permanentCode: { file: 'gone' } },
    },
    suites: { drive: { suiteId: 's', suiteSecret: 'topsecret', providerCorpId: 'p' } },
  })
  const message = refused({ WECOM_MEDIA_APPS: path })
  expect(message).toMatch(/apps\.drive\.secret: the variable NOT_SET is not set/)
  expect(message).toMatch(/apps\.tenant\.permanentCode: .*gone.*ENOENT/)
  expect(message).toMatch(/there is no suite "none"/)
  expect(message).toMatch(/"drive" is an app and a suite/)
  expect(message).not.toMatch(/topsecret/)
  expect(refused({ WECOM_MEDIA_APPS: await appsFile('{"apps": {"a": {"secret": "topsecret",}}}') })).toMatch(
    /is no JSON$/,
  )
  expect(refused({ WECOM_MEDIA_APPS: join(path, 'none') })).toMatch(/can't be read/)
  expect(
    refused({ WECOM_MEDIA_APPS: await appsFile({ apps: { 'a b': { corpId: 'x', secret: 'y' } } }) }),
  ).toMatch(/apps/)
})

test('a callback needs both of its keys, and keys that can be right', () => {
  const app = { WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET: 's1' }
  expect(refused({ ...app, WECOM_CALLBACK_TOKEN: 'T1' })).toMatch(/set both/)
  expect(refused({ ...app, WECOM_CALLBACK_TOKEN: 'T1', WECOM_CALLBACK_AES_KEY: 'short' })).toMatch(
    /43 letters/,
  )
  expect(refused({ WECOM_CALLBACK_TOKEN: 'T1', WECOM_CALLBACK_AES_KEY: aesKey })).toMatch(/WECOM_CORP_ID/)
})

test('URLs are off until hosts are named', () => {
  expect(readConfig({}).web).toEqual({ hosts: 'off', ports: [], privateNets: [] })
  const web = {
    WECOM_MEDIA_URLS: 'a.example.com, *.b.example.com',
    WECOM_MEDIA_URL_PORTS: '8443',
    WECOM_MEDIA_URL_NETS: '10.0.0.0/8',
  }
  expect(readConfig(web).web).toEqual({
    hosts: ['a.example.com', '*.b.example.com'],
    ports: [8443],
    privateNets: ['10.0.0.0/8'],
  })
  expect(refused({ WECOM_MEDIA_URLS: 'http://a.example.com' })).toMatch(/WECOM_MEDIA_URLS/)
  expect(readConfig({ WECOM_MEDIA_URLS: ' Public' }).web.hosts).toBe('public')
  expect(readConfig({ WECOM_MEDIA_URLS: '[::1],bücher.example,localhost' }).web.hosts).toHaveLength(3)
  for (const wrong of ['on', 'true', 'public,media.example.com', 'off,a.example'])
    expect(refused({ WECOM_MEDIA_URLS: wrong }), wrong).toMatch(/WECOM_MEDIA_URLS /)
  expect(refused({ WECOM_MEDIA_URL_PORTS: '0' })).toMatch(/WECOM_MEDIA_URL_PORTS/)
  expect(refused({ WECOM_MEDIA_URL_NETS: '10.0.0.0' })).toMatch(/networks such as/)
})

test('the environment and the apps file do not both have an app, or a suite, of one name', async () => {
  const own = { WECOM_CORP_ID: 'ww1', WECOM_CORP_SECRET: 's1' }
  const app = await appsFile({ apps: { default: { corpId: 'ww2', secret: 's2' } } })
  expect(refused({ ...own, WECOM_MEDIA_APPS: app })).toMatch(/"default"/)
  const suite = { suiteId: 's', suiteSecret: 'x', providerCorpId: 'p' }
  expect(refused({ ...own, WECOM_MEDIA_APPS: await appsFile({ suites: { default: suite } }) })).toMatch(
    /"default"/,
  )
})

test('who logs in to Redis may stand apart from its URL, and its password in a file', async () => {
  const file = join(await tempDir(), 'password')
  await writeFile(file, 'p@ss/w:rd\n')
  const apart = { REDIS_URL: 'rediss://a:1,b:2?cluster', REDIS_USERNAME: 'worker', REDIS_PASSWORD_FILE: file }
  expect(readConfig(apart).redisUrl).toBe('rediss://worker:p%40ss%2Fw%3Ard@a:1,b:2?cluster')
  expect(readConfig({ REDIS_URL: 'redis://h', REDIS_PASSWORD: 'x' }).redisUrl).toBe('redis://:x@h')
  expect(refused({ ...apart, REDIS_URL: 'redis://me@h' })).toMatch(/leave one out/)
  expect(refused({ REDIS_PASSWORD: 'x' })).toMatch(/set REDIS_URL, too/)
  expect(refused({ REDIS_URL: 'http://h' })).toMatch(/REDIS_URL must be a redis/)
})
