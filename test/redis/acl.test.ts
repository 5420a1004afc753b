/** S17: our ACL line as it stands in the documentation is enough for every kind of job, and what it lacks is named at the start. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/log.ts'
import { aclLine, password } from '../support/acl.ts'
import { atEnd } from '../support/at-end.ts'
import { type DeploymentOptions, deploy } from '../support/deployment.ts'
import { enqueue, judge, prepare, startWeb } from '../support/load.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'

/** A server with an aclfile in which the worker may do everything at first, and a deployment that logs in there. */
async function withAcl(options: DeploymentOptions = {}) {
  const file = join(await tempDir(), 'users.acl')
  const write = (line: string) => writeFile(file, `user default on nopass ~* &* +@all\n${line}\n`)
  await write(`user worker on >${password} ~* &* +@all`)
  const own = await startRedis({ args: ['--aclfile', file] })
  const admin = new Redis(own.url)
  atEnd(() => admin.disconnect())
  const it = await deploy({ ...options, redisUrl: own.url.replace('//', `//worker:${password}@`) })
  const become = async (line: string) => {
    await write(line)
    await admin.acl('LOAD')
    await admin.acl('LOG', 'RESET')
  }
  return { it, admin, become, line: await aclLine(it.config.prefix) }
}

const mix = { upload: 6, download: 4, image: 4, article: 2, async: 2 }

test.runIf(ownRedis)(
  'the ACL line of the documentation is enough: jobs of every kind, and nothing denied',
  async () => {
    const web = await startWeb()
    const { it, admin, become, line } = await withAcl({ callback: true, env: web.env })
    await become(line)
    const app = await it.startHere()
    const asked = await prepare(it, web, mix)
    for (const one of asked) await enqueue(one)
    for (const { id } of asked) await it.producer.result(id ?? '', { timeoutMs: 15_000 })
    expect(await judge(it, asked)).toMatchObject({ done: asked.length, failed: [], lost: [], wrong: [] })
    for (const path of ['metrics', 'readyz']) expect((await fetch(`${app.url}/${path}`)).status).toBe(200)
    expect(await admin.acl('LOG')).toEqual([])
  },
)

test.runIf(ownRedis)('it is enough for the dashboard and all that it does, too', async () => {
  const secret = 'a-password-of-no-value'
  const board = { WECOM_MEDIA_BOARD_PASSWORD: secret, WECOM_MEDIA_BOARD_WRITE: '1' }
  const { it, admin, become, line } = await withAcl({ env: board })
  await become(line)
  const { redisUrl = '' } = it.config
  const app = await startApp(it.config, { redisUrl, log: createLog('silent') })
  atEnd(() => app.stop())
  const job = await it.producer.download({ mediaId: 'unknown' })
  await it.producer.result(job, { timeoutMs: 5_000 }).catch(() => undefined)
  const own = { origin: app.url ?? '' }
  const form = new URLSearchParams({ user: 'admin', password: secret })
  const login = { method: 'POST', headers: own, body: form, redirect: 'manual' } as const
  const cookie = (await fetch(`${app.url}/board/login`, login)).headers.get('set-cookie')?.split(';')[0] ?? ''
  const ask = async (method: string, path: string) =>
    (await fetch(`${app.url}/board/${path}`, { method, headers: { ...own, cookie } })).status
  for (const path of [
    'queues?activeQueue=download',
    'redis/stats',
    'job-schedulers',
    `queues/download/${job.id}`,
  ])
    expect([path, await ask('GET', `api/${path}`)]).toEqual([path, 200])
  expect(await ask('GET', `records/${job.id}`)).toBe(200)
  for (const deed of ['pause', `${job.id}/retry`, `${job.id}/clean`, 'resume'])
    expect([deed, await ask('PUT', `api/queues/download/${deed}`)]).toEqual([
      deed,
      expect.toBeOneOf([200, 204]),
    ])
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'cancelled' })
  expect(await admin.acl('LOG')).toEqual([])
})

test.runIf(ownRedis)(
  'a user who lacks something is refused at the start, in one line that says what',
  async () => {
    const { it, become, line } = await withAcl()
    const { prefix, redisUrl = '' } = it.config
    const becoming = async (other: string): Promise<string> => {
      await become(other)
      const started = startApp(it.config, { redisUrl, log: createLog('silent'), listen: false })
      const { kind, message } = await started.catch(error => error)
      expect(kind).toBe('config')
      expect(message).not.toMatch(/\n|password-of-no-value/)
      return message
    }
    const lacking = (right: string) => becoming(line.replace(` ${right}`, ''))
    expect(await becoming(`${line} -bzpopmin`)).toMatch(/'bzpopmin'.*give it \+@blocking on ~\{t\w+\}:\*/)
    expect(await lacking('+@scripting')).toMatch(/give it \+@scripting on/)
    expect(await lacking(`&{${prefix}}:*`)).toMatch(/give it \+@pubsub on .*&\{t\w+\}:\*/)
    expect(await lacking('+time')).toMatch(/give it \+time on/)
    expect(await lacking(`~{${prefix}}:*`)).toMatch(/give it \+@write \+@read/)
  },
)
