/** What the tests of async uploads share: an origin that the platform fetches from, and a deployment that may look there. */

import { randomBytes } from 'node:crypto'
import type { Input } from '../../src/index.ts'
import { createAdmin } from '../../src/queues/admin.ts'
import { type Deployment, type DeploymentOptions, deploy } from '../support/deployment.ts'
import { type FileOriginOptions, startFileOrigin } from '../support/file-origin.ts'
import { until } from '../support/until.ts'

export const m5 = 'media/upload_by_url'
export const m6 = 'media/get_upload_by_url_result'
export const finished = 'upload_media_job_finish'
const mib = 1024 * 1024

/** A deployment that may fetch from an origin on loopback. */
export async function setUp(options: DeploymentOptions = {}, origin: FileOriginOptions = {}) {
  const files = await startFileOrigin(origin)
  const env = {
    WECOM_MEDIA_URLS: '127.0.0.1',
    WECOM_MEDIA_URL_PORTS: String(files.port),
    WECOM_MEDIA_URL_NETS: '127.0.0.1/32',
    ...options.env,
  }
  const deployment = await deploy({ ...options, env })
  const content = randomBytes(3 * mib)
  const url = files.put('/大文件.bin', content)
  const payload: Input<'media.async-upload'> = { type: 'file', url, name: '大文件.bin' }
  return { ...deployment, files, content, payload }
}

export const held = { switches: { asyncDelayMs: 'hold' as const } }
export const submissions = ({ simulator }: Pick<Deployment, 'simulator'>) =>
  simulator.count({ method: m5, errcode: 0 })
/** The pause before another submission is over, as far as the record knows. */
export async function skipPause(
  { producer, redis, namespace }: Pick<Deployment, 'producer' | 'redis' | 'namespace'>,
  id: string,
  number: number,
): Promise<void> {
  const ended = async () => (await producer.read(id))?.steps[`ended:${number}`]
  const step = await until(`end ${number}`, ended, { withinMs: 15_000 })
  const over = { ...step, atMs: step.atMs - 60_000 }
  await redis.hset(
    `${namespace}:record:${id}`,
    `step:ended:${number}`,
    JSON.stringify(over),
    'createdAtMs',
    '0',
  )
  const admin = createAdmin(redis, namespace, () => undefined)
  await until('it is woken', () => admin.wake('async', id))
  await admin.close()
}

export const kept = ({ producer }: Pick<Deployment, 'producer'>, id: string) =>
  until('the jobid is kept', async () => {
    const record = await producer.read(id)
    return record?.steps['submitted:1'] && record.state === 'waiting'
  })
