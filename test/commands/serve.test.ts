import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashOfToken, newToken } from '../../src/http/tokens.ts'
import { account, callbackKeys, type Deployment, deploy } from '../support/deployment.ts'
import { until } from '../support/until.ts'
import { envOf, failure, runMany, start } from './cli.ts'

const photo = await readFile(join(import.meta.dirname, '../../demo/photo.jpg'))

let there: Deployment
let env: Record<string, string>
beforeAll(async () => {
  there = await deploy()
  env = envOf(there)
  await there.put('photo.jpg', photo)
})

/** The log's line with these words; logs are for people, but `ready` is also when work begins. */
const logged = (cli: { stderr(): string }, msg: string) =>
  until(`the log's line "${msg}"`, () =>
    cli
      .stderr()
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
      .find(line => line.msg === msg),
  )

const token = newToken()
const tokensFile = () =>
  there.put(
    'tokens.json',
    JSON.stringify({ tokens: [{ name: 'shop', sha256: hashOfToken(token), apps: ['*'] }] }),
  )

describe('serve', () => {
  test('--only divides it: one process takes requests, another one does the jobs', async () => {
    const withTokens = { ...env, WECOM_MEDIA_TOKENS: await tokensFile(), WECOM_MEDIA_PORT: '0' }
    const http = start(['serve', '--only', 'http'], { env: withTokens })
    const { admin, public: url } = await logged(http, 'ready')
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      }).then(answer => answer.json() as Promise<Record<string, string>>)
    const payload = { type: 'image', source: { path: join(there.root, 'photo.jpg') } }
    const { url: job } = await ask('/v1/jobs/upload', { method: 'POST', body: JSON.stringify(payload) })
    expect(await ask(`${job}?wait=1`)).toMatchObject({ state: 'queued' })
    const workers = start(['serve', '--only', 'workers'], { env: withTokens })
    expect((await logged(workers, 'ready')).public).toBeUndefined()
    expect(await ask(`${job}?wait=10`)).toMatchObject({ state: 'done' })
    for (const cli of [http, workers]) {
      cli.signal('SIGTERM')
      expect(await cli.ended).toEqual({ code: 0, signal: null })
    }
  })

  test('works until SIGTERM, ends with 0 and says nothing on stdout', async () => {
    const cli = start(['serve'], { env })
    const { admin } = await logged(cli, 'ready')
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)
    const job = await there.producer.upload({
      type: 'image',
      source: { path: join(there.root, 'photo.jpg') },
    })
    expect(await there.producer.result(job)).toMatchObject({ name: 'photo.jpg' })
    cli.signal('SIGTERM')
    expect(await cli.ended).toEqual({ code: 0, signal: null })
    expect(cli.stdout()).toBe('')
  })

  test('hands a running job back when its grace is over; a second signal ends it at once', async () => {
    there.simulator.faults.add({ method: 'media/upload', do: 'hold', at: 'answer', times: 2 })
    const first = start(['serve'], { env: { ...env, WECOM_MEDIA_GRACE_MS: '100' } })
    await logged(first, 'ready')
    const job = await there.producer.upload({
      type: 'image',
      source: { path: join(there.root, 'photo.jpg') },
      reuse: 'never',
    })
    await there.simulator.waitFor({ method: 'media/upload', state: 'held' })
    first.signal('SIGTERM')
    expect((await first.ended).code).toBe(0)
    expect((await there.producer.read(job.id))?.state).toBe('queued')

    const second = start(['serve'], { env })
    await there.simulator.waitFor(({ method, state }) => method === 'media/upload' && state === 'held', {
      count: 1,
    })
    second.signal('SIGINT')
    await logged(second, 'stopping')
    second.signal('SIGINT')
    expect(await second.ended).toEqual({ code: 130, signal: null })
  })

  test('settings that turn out wrong at the start end it with 2 and their name', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => taken.once('listening', resolve))
    const address = taken.address()
    const port = String(typeof address === 'object' && address?.port)
    // An apps file need not have an app that is called default.
    const apps = await there.put(
      'apps.json',
      JSON.stringify({ apps: { own: { ...account, callback: callbackKeys } } }),
    )
    const calledBack = { WECOM_MEDIA_APPS: apps, WECOM_CORP_ID: '', WECOM_CORP_SECRET: '' }
    const serve = (more: Record<string, string>) => ({ args: ['serve'], env: { ...env, ...more } })
    const said = await runMany([
      serve({ WECOM_MEDIA_ADMIN_PORT: port }),
      serve({ WECOM_MEDIA_ADMIN_HOST: '192.0.2.1' }),
      serve({ WECOM_MEDIA_DOWNLOADS: join(there.root, 'photo.jpg', 'x') }),
      serve({ ...calledBack, WECOM_MEDIA_PORT: port }),
      serve({ ...calledBack, WECOM_MEDIA_HOST: '192.0.2.1' }),
      serve({ WECOM_MEDIA_TOKENS: await tokensFile(), WECOM_MEDIA_PORT: port }),
      { args: ['serve', '--only', 'http'], env },
      { args: ['serve', '--only', 'both'], env },
    ])
    taken.close()
    const found = said.map(one => failure(one))
    expect(found.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 2, 2])
    expect(found.map(({ message }) => /WECOM_MEDIA_\w+/.exec(message)?.[0])).toEqual([
      'WECOM_MEDIA_ADMIN_PORT',
      'WECOM_MEDIA_ADMIN_HOST',
      'WECOM_MEDIA_DOWNLOADS',
      'WECOM_MEDIA_PORT',
      'WECOM_MEDIA_HOST',
      'WECOM_MEDIA_PORT',
      'WECOM_MEDIA_TOKENS',
      undefined,
    ])
  })
})
