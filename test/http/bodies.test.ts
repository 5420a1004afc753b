/** Jobs that come with their bytes: sockets, disk, Redis and workers are real. Ids: notes/reliability.md §6. */

import { readdir, readFile, utimes } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { needsBody } from '../../src/app/chores.ts'
import { openBody, sweepBodies } from '../../src/files/bodies.ts'
import { ownRedis, startRedis } from '../support/redis.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { type ApiDeployment, deployApi } from './api.ts'

const photo = await readFile(join(import.meta.dirname, '../../demo/photo.jpg'))

let api: ApiDeployment
beforeAll(async () => {
  api = await deployApi()
})

const octets = { 'content-type': 'application/octet-stream' }
const key = (value: string) => ({ 'idempotency-key': value })

/** Everything in the spool, at any depth. */
const spooled = () => readdir(api.config.spool, { recursive: true })
const isEmpty = () => until('the spool is empty', async () => (await spooled()).length === 0)

function form(fields: Record<string, string>, file: Buffer | string, name = 'photo.jpg', order = 'first') {
  const data = new FormData()
  if (order === 'first') for (const [field, value] of Object.entries(fields)) data.set(field, value)
  data.set('media', new File([file as never], name))
  if (order !== 'first') for (const [field, value] of Object.entries(fields)) data.set(field, value)
  return data
}

const done = async (url: string) => (await api.shop.call('GET', `${url}?wait=15`)).body

describe('bytes', () => {
  test.each(['first', 'last'])('come as a form, its fields %s', async order => {
    const body = form({ type: 'image', urgent: 'true', deadlineMs: '60000' }, photo, '产品图.jpg', order)
    const posted = await api.shop.call('POST', '/v1/jobs/upload', body)
    expect([posted.status, posted.body]).toEqual([202, expect.objectContaining({ name: 'media.upload' })])
    const job = await done(posted.body.url)
    expect(job).toMatchObject({ state: 'done', result: { name: '产品图.jpg', sizeBytes: photo.length } })
    await isEmpty()
  })

  test('come as they are, with their fields in the query', async () => {
    const answer = await fetch(`${api.url}/v1/jobs/upload?type=file&name=a%20b.txt&reuse=never`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.shop.token}`, ...octets },
      body: 'x'.repeat(100_000),
    })
    const { url } = (await answer.json()) as { url: string }
    expect(await done(url)).toMatchObject({ state: 'done', result: { name: 'a b.txt', sizeBytes: 100_000 } })
    await isEmpty()
  })

  test('make a permanent image, and an article', async () => {
    const image = await api.shop.call('POST', '/v1/jobs/upload-image', form({}, photo))
    expect(await done(image.body.url)).toMatchObject({ state: 'done', result: { name: 'photo.jpg' } })
    const html = `<p>${'x'.repeat(30_000)}</p><img src="data:image/jpeg;base64,${photo.toString('base64')}">`
    const article = await api.shop.call('POST', '/v1/jobs/article', html, { 'content-type': 'text/html' })
    const job = await done(article.body.url)
    expect(job).toMatchObject({ state: 'done', result: { images: [{ as: 'reused' }] } })
    await isEmpty()
  })
})

describe('a key', () => {
  const post = (content: string, value: string) =>
    api.shop.call('POST', '/v1/jobs/upload', form({ type: 'file' }, content, 'a.txt'), key(value))

  test('with the same bytes is the same job, also at the same time', async () => {
    const posts = await Promise.all(Array.from({ length: 10 }, () => post('the same bytes', 'b1')))
    expect(new Set(posts.map(({ body }) => body.id)).size).toBe(1)
    expect(posts.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(200), 202])
    expect(await done(posts[0]?.body.url)).toMatchObject({ state: 'done', calls: 1 })
    expect((await post('the same bytes', 'b1')).status).toBe(200)
    await isEmpty()
  })

  test('with other bytes is a conflict, and nothing of them stays', async () => {
    const first = await post('these bytes', 'b2')
    expect(first.status).toBe(202)
    const other = await post('other bytes', 'b2')
    expect([other.status, other.body.kind]).toEqual([409, 'conflict'])
    expect(await done(first.body.url)).toMatchObject({ state: 'done' })
    await isEmpty()
  })
})

test('a request that is refused takes nothing from the job that has its key and its bytes', async () => {
  const http = await deployApi({ only: 'http' })
  const post = (fields: Record<string, string>, content = 'the same bytes') =>
    http.shop.call('POST', '/v1/jobs/upload', form({ type: 'file', ...fields }, content, 'a.txt'), key('c1'))
  const first = await post({})
  const bodies = () => readdir(http.config.spool, { recursive: true })
  const before = await bodies()
  expect(before).toHaveLength(2)
  expect((await post({ urgent: 'true' })).status).toBe(409)
  expect((await post({ name: 'b.txt' })).status).toBe(409)
  expect((await post({ webhook: 'https://app.example.com/' })).status).toBe(400)
  expect((await post({}, 'other bytes')).status).toBe(409)
  expect(await bodies()).toEqual(before)
  await http.startHere({}, 'workers')
  const { body } = await http.shop.call('GET', `${first.body.url}?wait=15`)
  expect(body).toMatchObject({ state: 'done', result: { name: 'a.txt' } })
})

describe('nothing stays of a body that', () => {
  const mib = 1024 * 1024
  const refused = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await api.shop.call('POST', path, body, headers)
    await isEmpty()
    return [answer.status, answer.body.kind]
  }

  test('is too large for its type, wherever the type stands', async () => {
    const large = Buffer.alloc(3 * mib)
    const voice = { type: 'voice' }
    expect(await refused('/v1/jobs/upload', form(voice, large))).toEqual([413, 'too-big'])
    expect(await refused('/v1/jobs/upload', form(voice, large, 'a.amr', 'last'))).toEqual([413, 'too-big'])
    expect(await refused('/v1/jobs/upload-image', form({}, large))).toEqual([413, 'too-big'])
    const raw = '/v1/jobs/upload?type=voice&name=a.amr'
    expect(await refused(raw, 'x'.repeat(3 * mib), octets)).toEqual([413, 'too-big'])
  })

  test('is announced as small and goes on', async () => {
    const answer = await new Promise<number | undefined>(resolve => {
      const headers = { authorization: `Bearer ${api.shop.token}`, 'transfer-encoding': 'chunked', ...octets }
      const sent = request(
        `${api.url}/v1/jobs/upload?type=voice&name=a.amr`,
        { method: 'POST', headers },
        response => {
          response.resume()
          resolve(response.statusCode)
          sent.destroy()
        },
      )
      sent.on('error', () => resolve(undefined))
      const more = () => void sent.write(Buffer.alloc(256 * 1024), () => setImmediate(more))
      more()
    })
    expect(answer).toBe(413)
    await isEmpty()
  })

  test.each(['application/octet-stream', 'multipart/form-data; boundary=b'])('stops: %s', async type => {
    const headers = {
      ...{ authorization: `Bearer ${api.shop.token}`, 'content-length': '100000', 'content-type': type },
    }
    const sent = request(`${api.url}/v1/jobs/upload?type=file&name=a.txt`, { method: 'POST', headers })
    sent.on('error', () => undefined)
    const head = '--b\r\ncontent-disposition: form-data; name="media"; filename="a.txt"\r\n\r\n'
    sent.write((type.startsWith('multipart') ? head : '') + 'x'.repeat(10_000))
    await until('a part is there', async () => (await spooled()).some(name => name.endsWith('.part')))
    sent.destroy()
    await isEmpty()
  })

  test.each([
    ['is empty', '/v1/jobs/upload?type=file&name=a', '', octets, 400, 'invalid'],
    ['has no name', '/v1/jobs/upload?type=file', 'bytes', octets, 400, 'invalid'],
    ['has no type', '/v1/jobs/upload?name=a.txt', 'bytes', octets, 400, 'invalid'],
    [
      'has a field that is none',
      '/v1/jobs/upload?type=file&name=a&secret=1',
      'bytes',
      octets,
      400,
      'invalid',
    ],
    ['is kept alive', '/v1/jobs/upload?type=file&name=a&keepAlive=1', 'bytes', octets, 400, 'invalid'],
    ['is of another app', '/v1/jobs/upload?type=file&name=a&app=other', 'bytes', octets, 403, 'token'],
    ['is for a job without', '/v1/jobs/download', 'bytes', octets, 415, 'wrong-type'],
    ['is a form for such a job', '/v1/jobs/download', form({}, 'x'), {}, 415, 'wrong-type'],
    [
      'is what curl sends untold',
      '/v1/jobs/upload',
      'bytes',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'wrong-type',
    ],
    [
      'is no form',
      '/v1/jobs/upload',
      'bytes',
      { 'content-type': 'multipart/form-data; boundary=b' },
      400,
      'invalid',
    ],
    [
      'is a form without a file',
      '/v1/jobs/upload',
      '--b\r\ncontent-disposition: form-data; name="type"\r\n\r\nfile\r\n--b--\r\n',
      { 'content-type': 'multipart/form-data; boundary=b' },
      400,
      'invalid',
    ],
    ['has fields in two places', '/v1/jobs/upload?type=file', {}, {}, 400, 'invalid'],
    [
      'names a body of others',
      '/v1/jobs/upload',
      { type: 'file', source: { spooled: `x/${'0'.repeat(64)}` } },
      {},
      400,
      'invalid',
    ],
  ])('%s', async (_what, path, body, headers, status, kind) => {
    expect(await refused(path, body, headers as Record<string, string>)).toEqual([status, kind])
  })

  test('has two files', async () => {
    const data = form({ type: 'file' }, 'one', 'a.txt')
    data.append('media', new File(['two'], 'b.txt'))
    const [status] = await refused('/v1/jobs/upload', data)
    expect(status).toBe(413)
  })

  test('has S08 a name of evil', async () => {
    const posted = await api.shop.call(
      'POST',
      '/v1/jobs/upload',
      form({ type: 'file' }, 'some bytes', '../..\\..\\etc/pass"wd\u202e.txt'),
    )
    const job = await done(posted.body.url)
    expect(job).toMatchObject({ state: 'done', result: { name: expect.not.stringMatching(/[/\\"\u202e]/) } })
    await isEmpty()
  })
})

test.runIf(ownRedis)(
  'a body that comes while Redis is away is refused, and comes again under its key',
  async () => {
    const redis = await startRedis()
    const http = await deployApi({ only: 'http', redisUrl: redis.url })
    const post = () => http.shop.call('POST', '/v1/jobs/upload', form({ type: 'image' }, photo), key('r1'))
    await redis.kill()
    const { status, headers, body } = await post()
    expect([status, body.kind, headers.get('retry-after')]).toEqual([503, 'unavailable', '1'])
    expect((await readdir(http.config.spool)).filter(name => name.endsWith('.part'))).toEqual([])
    await redis.restart()
    const again = await until('Redis is back', async () => {
      const answer = await post()
      return answer.status === 503 ? undefined : answer
    })
    // Whether the first one was queued after all, nobody could know.
    expect([200, 202]).toContain(again.status)
    await http.startHere({}, 'workers')
    const job = await http.shop.call('GET', `${again.body.url}?wait=15`)
    expect(job.body).toMatchObject({ state: 'done', result: { name: 'photo.jpg' }, calls: 1 })
  },
)

describe('the spool', () => {
  test('that a worker cannot see is named, with the likely cause', async () => {
    const dir = await tempDir()
    const missing = openBody(dir, `k1/${'0'.repeat(64)}.jpg`)
    await expect(missing).rejects.toMatchObject({ kind: 'not-found' })
    await expect(missing).rejects.toThrow(/k1.*is not visible from this host.*WECOM_MEDIA_FILES/)
    await expect(openBody(join(dir, 'none'), `k1/${'0'.repeat(64)}`)).rejects.toThrow(/WECOM_MEDIA_FILES/)
    // A worker that has a folder of its own instead of the shared one.
    const http = await deployApi({ only: 'http' })
    await http.startHere({ spool: join(dir, 'spool') }, 'workers')
    const posted = await http.shop.call('POST', '/v1/jobs/upload', form({ type: 'image' }, photo))
    const { body } = await http.shop.call('GET', `${posted.body.url}?wait=15`)
    expect(body).toMatchObject({ state: 'failed', fault: { kind: 'not-found' } })
    expect(body.fault.message).toContain(`${dir}/spool/${posted.body.id}`)
  })

  test('keeps the body of a failed job for who asks again, and the sweep takes what nobody needs', async () => {
    const posted = await api.shop.call(
      'POST',
      '/v1/jobs/upload',
      form({ type: 'image' }, 'no image at all', 'a.jpg'),
      key('s1'),
    )
    expect(await done(posted.body.url)).toMatchObject({ state: 'failed', fault: { kind: 'wrong-type' } })
    expect(await readdir(api.config.spool)).toEqual([posted.body.id])
    const old = new Date(Date.now() - 2 * 3_600_000)
    await utimes(join(api.config.spool, posted.body.id), old, old)
    const nowMs = Date.now()
    const sweep = (atMs: number) =>
      sweepBodies(api.config.spool, {
        nowMs,
        olderThanMs: 3_600_000,
        isNeeded: async id => needsBody(await api.records.read(id), atMs),
      })
    expect(await sweep(nowMs)).toBe(0)
    expect(await sweep(nowMs + 25 * 3_600_000)).toBe(1)
    await isEmpty()
  })
})
