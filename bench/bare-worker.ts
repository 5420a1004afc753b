/**
 * The other side: what a team writes in an afternoon. A BullMQ worker that reads the file, posts the same multipart body
 * over the same kind of undici agent, and keeps the answer. No limits, no record, no reuse, no check of anything.
 */

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { EnvHttpProxyAgent } from 'undici'
import { answer, cpuMs, peakMiB } from './children.ts'

const { REDIS_URL = '', WECOM_BASE_URL = '', WECOM_MEDIA_CONCURRENCY = '16' } = process.env
const concurrency = Number(WECOM_MEDIA_CONCURRENCY)
const url = new URL(WECOM_BASE_URL)
const agent = new EnvHttpProxyAgent({ connections: concurrency, pipelining: 1, allowH2: false })

async function post(path: string, name: string): Promise<unknown> {
  const bytes = await readFile(path)
  const boundary = `----wecom-media-${randomBytes(18).toString('hex')}`
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="media"; filename="${name}"; filelength=${bytes.length}`,
    'Content-Type: application/octet-stream',
    '',
    '',
  ]
  const response = await agent.request({
    origin: url.origin,
    path: `${url.pathname}/media/upload?access_token=stub-token&type=file`,
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([Buffer.from(head.join('\r\n')), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  })
  const reply = (await response.body.json()) as { errcode: number; media_id: string; created_at: string }
  if (reply.errcode !== 0) throw new Error(`errcode ${reply.errcode}`)
  return { mediaId: reply.media_id, createdAt: reply.created_at }
}

const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const worker = new Worker('bare', job => post(job.data.path, job.data.name), { connection, concurrency })
worker.on('error', error => process.stderr.write(`${error.message}\n`))
await worker.waitUntilReady()
answer({ cpu: cpuMs, peak: peakMiB })
