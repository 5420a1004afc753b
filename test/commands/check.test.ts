/** `wecom-media check`: what an operator learns before the first job does. The simulator's log says what was really sent. */

import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Simulator } from '../../src/simulator/index.ts'
import { atEnd } from '../support/at-end.ts'
import { account, callbackKeys, type Deployment, deploy } from '../support/deployment.ts'
import type { NodeProcess } from '../support/processes.ts'
import { type OwnRedis, ownRedis, startRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'
import { ended, envOf, failure, type Line, run, runMany, type Said, start } from './cli.ts'

interface Finding {
  readonly what: string
  readonly state: 'ok' | 'failed' | 'skipped'
  readonly detail: string
  readonly kind?: string
  readonly errcode?: number
}

let there: Deployment
let redis: OwnRedis
let env: Record<string, string>
/** It waits for some seconds. */
let away: NodeProcess
beforeAll(async () => {
  there = await deploy()
  redis = await startRedis({ appendonly: true })
  env = { ...envOf(there), REDIS_URL: redis.url }
  // On a platform of its own: the log of the other one is counted.
  const other = await new Simulator({ apps: [account] }).start()
  atEnd(() => other.stop())
  const noRedis = { REDIS_URL: 'redis://127.0.0.1:9', WECOM_BASE_URL: other.baseUrl }
  away = start(['check'], { env: { ...env, ...noRedis } })
})
beforeEach(() => there.simulator.reset())

const line = (more: Line['env'] = {}, ...args: string[]): Line => ({
  args: ['check', ...args],
  env: { ...env, ...more },
})
const check = (more: Line['env'] = {}): Promise<Said> => run(['check'], line(more))
/** One process for all of them. */
const checks = async (...lines: readonly Line[]): Promise<Record<string, Finding>[]> =>
  (await runMany(lines)).map(findings)
/** What was found, by name; the object, the exit code and the line on stderr agree. */
const findings = (said: Said): Record<string, Finding> => {
  const { ok, findings } = said.object as { ok: boolean; findings: readonly Finding[] }
  const bad = findings.filter(({ state }) => state === 'failed').length
  expect({ ok, code: said.code }).toEqual({ ok: bad === 0, code: bad === 0 ? 0 : 1 })
  expect(said.lines).toEqual(bad === 0 ? [] : [`wecom-media: ${bad} of ${findings.length} checks failed`])
  for (const { detail } of findings) expect(detail).not.toContain('\n')
  return Object.fromEntries(findings.map(finding => [finding.what, finding]))
}
const states = (found: Record<string, Finding>) =>
  Object.fromEntries(Object.entries(found).map(([what, { state }]) => [what, state]))
const methods = () => there.simulator.log().map(({ method }) => method)

describe.runIf(ownRedis)('check', () => {
  test('finds everything in order, with one call besides the token, and spends no quota', async () => {
    const callback = {
      WECOM_CALLBACK_TOKEN: callbackKeys.token,
      WECOM_CALLBACK_AES_KEY: callbackKeys.aesKey,
    }
    const said = await check(callback)
    expect(states(findings(said))).toEqual({
      settings: 'ok',
      redis: 'ok',
      'redis version': 'ok',
      'redis permissions': 'ok',
      'redis memory': 'ok',
      'redis persistence': 'ok',
      'app default: token': 'ok',
      'app default: call': 'ok',
      'app default: callback': 'ok',
      'callback vectors': 'ok',
      downloads: 'ok',
      roots: 'ok',
    })
    expect(methods()).toEqual(['gettoken', 'media/get'])
    for (const secret of [account.secret, ...Object.values(callback)])
      expect(JSON.stringify(said)).not.toContain(secret)
  })

  test('the token that it gets is kept for the workers', async () => {
    const kept = { WECOM_MEDIA_PREFIX: 'kept' }
    const download = { args: ['download', 'any', '--here'], env: { ...env, ...kept }, cwd: await tempDir() }
    const [, told] = await runMany([line(kept), download])
    expect(failure(told ?? expect.unreachable())).toMatchObject({ kind: 'gone' })
    expect(methods()).toEqual(['gettoken', 'media/get', 'media/get'])
  })

  test('a wrong secret fails the token, and no call is tried', async () => {
    const found = findings(await check({ WECOM_CORP_SECRET: 'a-wrong-secret' }))
    expect(found['app default: token']).toMatchObject({ state: 'failed', errcode: 40001 })
    expect(found['app default: token']?.detail).toContain('secret')
    expect(found['app default: call']?.state).toBe('skipped')
    expect(methods()).toEqual(['gettoken'])
    expect(JSON.stringify(found)).not.toContain('a-wrong-secret')
  })

  test('an address that is not trusted is told as the platform saw it, and closes no app for the fleet', async () => {
    there.simulator.limits.change({ trustedIps: ['192.0.2.1'] })
    const found = findings(await check())
    expect(found['app default: token']?.state).toBe('ok')
    const call = found['app default: call']
    expect(call).toMatchObject({ state: 'failed', kind: 'unavailable', errcode: 60020 })
    expect(call?.detail).toMatch(/the platform saw 127\.0\.0\.1.*企业可信IP/)
    there.simulator.limits.change({ trustedIps: 'any' })
    expect(findings(await check())['app default: call']?.state).toBe('ok')
  })

  test('an app that the fleet has closed for its address is asked about all the same, and its probe stays the fleet’s', async () => {
    const closed = { WECOM_MEDIA_PREFIX: 'closed' }
    there.simulator.faults.add({ method: 'media/get', do: 'errcode', errcode: 60020 })
    const download = {
      args: ['download', 'any', '--here', '--timeout', '3s'],
      env: { ...env, ...closed },
      cwd: await tempDir(),
    }
    await runMany([download])
    const client = new Redis(redis.url)
    const doors = await client.keys('*:door')
    expect(doors).toHaveLength(1)
    const nextMs = await client.hget(doors[0] ?? '', 'nextMs')
    const found = findings(await check(closed))
    expect(found['app default: token']?.state).toBe('ok')
    expect(found['app default: call']?.state).toBe('ok')
    expect(await client.hget(doors[0] ?? '', 'nextMs')).toBe(nextMs)
    client.disconnect()
  })

  test('a Redis without persistence, and one that evicts keys, fail', async () => {
    await redis.configure('appendonly', 'no')
    await redis.configure('maxmemory-policy', 'allkeys-lru')
    const found = findings(await check())
    const evicts = found['redis memory']
    expect(evicts).toMatchObject({ state: 'failed', detail: expect.stringContaining('allkeys-lru') })
    expect(found['redis persistence']).toMatchObject({ state: 'failed', kind: 'config' })
    await redis.configure('save', '3600 1')
    await redis.configure('maxmemory-policy', 'noeviction')
    const snapshots = findings(await check())['redis persistence']
    expect(snapshots).toMatchObject({ state: 'ok', detail: expect.stringContaining('snapshots') })
    await redis.configure('appendonly', 'yes')
  })

  test('a Redis that is away is told once, and the app is checked all the same', async () => {
    const found = findings(await ended(away))
    expect(found['redis']).toMatchObject({ state: 'failed', detail: expect.stringContaining('127.0.0.1:9') })
    expect(states(found)).not.toHaveProperty('redis memory')
    expect(found['app default: call']?.state).toBe('ok')
  })

  test('without REDIS_URL tokens stay in memory; in production that fails', async () => {
    const none = { REDIS_URL: null }
    const [found, production] = await checks(line(none), line({ ...none, NODE_ENV: 'production' }))
    expect(states(found ?? {})).toMatchObject({ redis: 'skipped', 'app default: call': 'ok' })
    const failed = { state: 'failed', detail: expect.stringContaining('REDIS_URL') }
    expect(production?.['redis']).toMatchObject(failed)
  })

  test('all mistakes of the settings stand in one line, and nothing is asked', async () => {
    const [read, used] = await checks(
      line({ REDIS_URL: 'http://x', WECOM_CALLBACK_AES_KEY: 'short' }),
      line({ WECOM_MEDIA_URLS: 'a.example:80', WECOM_MEDIA_LIMITS: '{"flightMs":60000}' }),
    )
    for (const name of ['REDIS_URL', 'WECOM_CALLBACK_AES_KEY'])
      expect(read?.['settings']?.detail).toContain(name)
    for (const name of ['WECOM_MEDIA_URLS', 'limits']) expect(used?.['settings']?.detail).toContain(name)
    expect(used?.['the rest']?.state).toBe('skipped')
    expect(methods()).toEqual([])
  })

  test('folders that cannot be had are named', async () => {
    const folder = await tempDir()
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const [found, later] = await checks(
      line({ WECOM_MEDIA_DOWNLOADS: join(file, 'x'), WECOM_MEDIA_ROOTS: '/no/root' }),
      line({ WECOM_MEDIA_DOWNLOADS: join(folder, 'x/y') }),
    )
    expect(found?.['downloads']).toMatchObject({ state: 'failed', detail: expect.stringContaining(file) })
    expect(found?.['roots']).toMatchObject({ state: 'failed', detail: expect.stringContaining('/no/root') })
    const made = { state: 'ok', detail: expect.stringContaining('will be made') }
    expect(later?.['downloads']).toMatchObject(made)
    expect(await readdir(folder)).toEqual(['a-file'])
  })
})

describe.runIf(ownRedis)('check of an apps file', () => {
  const suite = { suiteId: 'wwsuite', suiteSecret: 'suite-secret-of-no-value' }
  const providerCorpId = 'ww_provider'
  let platform: Simulator
  let all: Said
  let one: Said
  let none: Said
  beforeAll(async () => {
    platform = await new Simulator({
      apps: [account],
      suites: [{ ...suite, providerCorpId }],
      tenants: [{ suiteId: suite.suiteId, corpId: 'ww_tenant', permanentCode: 'permanent-code' }],
      providers: [{ corpId: providerCorpId, providerSecret: 'provider-secret' }],
    }).start()
    atEnd(() => platform.stop())
    const path = join(await tempDir(), 'apps.json')
    const aesKey = 'no-key-of-43-letters'
    const file = {
      apps: {
        own: { ...account, callback: { token: 'T', aesKey } },
        provider: { kind: 'provider', corpId: providerCorpId, secret: { env: 'PROVIDER_SECRET' } },
        tenant: { kind: 'third-party', suite: 'shop', corpId: 'ww_tenant', permanentCode: 'permanent-code' },
      },
      suites: { shop: { ...suite, providerCorpId, callback: callbackKeys } },
    }
    await writeFile(path, JSON.stringify(file))
    const apps = {
      WECOM_BASE_URL: platform.baseUrl,
      WECOM_MEDIA_APPS: path,
      PROVIDER_SECRET: 'provider-secret',
      WECOM_CORP_ID: '',
      WECOM_CORP_SECRET: '',
    }
    const lines = [line(apps), line(apps, '--app', 'tenant'), line(apps, '--app', 'nobody')]
    ;[all, one, none] = (await runMany(lines)) as [Said, Said, Said]
  })

  test('each kind of app is asked for what it can have, a missing ticket and a wrong key are told', async () => {
    const found = findings(all)
    expect(states(found)).toMatchObject({
      'app own: token': 'ok',
      'app own: call': 'ok',
      'app own: callback': 'failed',
      'app provider: token': 'ok',
      'app provider: call': 'skipped',
      'app provider: callback': 'skipped',
      'app tenant: token': 'failed',
      'suite shop: ticket': 'failed',
      'suite shop: callback': 'ok',
    })
    expect(found['app own: callback']?.detail).toContain('43')
    expect(found['app own: callback']?.detail).not.toContain('no-key')
    expect(found['suite shop: ticket']?.detail).toContain('10')
    expect(platform.log({ method: 'service/media/upload' })).toEqual([])
  })

  test('--app is about one app and its suite; an unknown one is wrong usage', async () => {
    const found = Object.keys(findings(one))
    expect(found.filter(what => /^(app|suite)/.test(what))).toEqual([
      'suite shop: ticket',
      'suite shop: callback',
      'app tenant: token',
      'app tenant: call',
    ])
    const told = failure(none)
    expect(told).toMatchObject({ code: 2, message: expect.stringMatching(/nobody.*own/) })
  })
})
