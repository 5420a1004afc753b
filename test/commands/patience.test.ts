/** How long a person waits for something that is not there, and what is said meanwhile. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type Deployment, deploy } from '../support/deployment.ts'
import type { NodeProcess } from '../support/processes.ts'
import { startProxy } from '../support/proxy.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { ended, envOf, failure, start } from './cli.ts'

const nobody = '127.0.0.1:9'

const folder = async (): Promise<string> => {
  const cwd = await tempDir()
  await writeFile(join(cwd, 'any.bin'), 'anything')
  return cwd
}

// All start at once: this is mostly waiting.
let there: Deployment
let proxy: Awaited<ReturnType<typeof startProxy>>
let patient: NodeProcess
let impatient: NodeProcess
let left: NodeProcess
let far: NodeProcess
let other: NodeProcess
beforeAll(async () => {
  there = await deploy()
  proxy = await startProxy(there.config.redisUrl ?? '')
  const cwd = await folder()
  const noRedis = { env: { REDIS_URL: `redis://${nobody}` }, cwd }
  patient = start(['upload', 'file', 'any.bin'], noRedis)
  impatient = start(['upload', 'file', 'any.bin'], noRedis)
  other = start(['async-upload', 'file', 'http://a.example/b', '--name', 'b'], noRedis)
  left = start(['download', 'any'], { env: { ...envOf(there), REDIS_URL: proxy.url } })
  const noPlatform = { WECOM_BASE_URL: `http://${nobody}/cgi-bin`, WECOM_MEDIA_ROOTS: cwd }
  far = start(['upload', 'file', 'any.bin', '--here'], { env: { ...envOf(there), ...noPlatform }, cwd })
})

test('a Redis that is not there is not waited for after an interrupt', async () => {
  await until('a word about what is waited for', () => impatient.stderr().includes(nobody))
  impatient.signal('SIGINT')
  expect(failure(await ended(impatient))).toMatchObject({ code: 130, kind: 'cancelled' })
  expect(patient.stdout()).toBe('')
})

test('a platform that is not there is tried again, and the reason is told before the end', async () => {
  await until('the reason', () => far.stderr().includes('ECONNREFUSED'))
  far.signal('SIGINT')
  const said = await ended(far)
  expect(failure(said)).toMatchObject({ code: 130, kind: 'cancelled' })
  expect(said.lines).toHaveLength(2)
})

test('a Redis that goes away while the job waits is told, and what becomes of the job', async () => {
  const subscribed = async () => (await there.redis.pubsub('CHANNELS', `${there.namespace}:*`)).length > 0
  await until('somebody waits for the end of the job', subscribed)
  await proxy.close()
  const { code, kind, message } = failure(await ended(left))
  expect({ code, kind }).toEqual({ code: 3, kind: 'unavailable' })
  expect(message).toMatch(/Redis .*job \w+ goes on/)
})

test('a Redis that is not there is waited for some seconds', async () => {
  for (const cli of [patient, other]) {
    const found = failure(await ended(cli))
    expect(found).toEqual({ code: 3, kind: 'unavailable', message: expect.stringContaining(nobody) })
  }
})
