/** Jobs over HTTP: sockets, tokens, Redis and workers are real. Ids: notes/reliability.md §6. */

import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { type ApiCaller, type ApiDeployment, deployApi } from './api.ts'

const photo = await readFile(join(import.meta.dirname, '../../demo/photo.jpg'))

let api: ApiDeployment
beforeAll(async () => {
  api = await deployApi()
})

/** A job that is done: a small file. */
const uploaded = async (caller: ApiCaller, name: string, content = 'six bytes and more') => {
  const path = await api.put(name, content)
  const posted = await caller.call('POST', '/v1/jobs/upload', { type: 'file', source: { path } })
  return (await caller.call('GET', `${posted.body.url}?wait=10`)).body
}

describe('a job', () => {
  test('is handed over, waited for and shown', async () => {
    const path = await api.put('a.txt', 'six bytes and more')
    const posted = await api.shop.call('POST', '/v1/jobs/upload', { type: 'file', source: { path } })
    expect(posted.status).toBe(202)
    expect(posted.body).toMatchObject({ name: 'media.upload', url: `/v1/jobs/${posted.body.id}` })
    expect(posted.headers.get('location')).toBe(posted.body.url)
    const { status, body } = await api.shop.call('GET', `${posted.body.url}?wait=10`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ state: 'done', app: 'default', calls: 1, result: { name: 'a.txt' } })
    expect(Object.keys(body)).not.toContain('payload')
  })

  test('that failed is found, with its fault', async () => {
    const { body } = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'unknown' })
    const job = await api.shop.call('GET', `${body.url}?wait=10`)
    expect(job.status).toBe(200)
    expect(job.body).toMatchObject({ state: 'failed', fault: { kind: 'gone', errcode: 40007 } })
  })

  test('that waits says until when, and can be cancelled once', async () => {
    api.simulator.faults.add({ method: 'media/uploadimg', do: 'errcode', errcode: 45009, times: 1 })
    const path = await api.put('photo.jpg', photo)
    const { body } = await api.shop.call('POST', '/v1/jobs/upload-image', { source: { path } })
    const waiting = await until('it waits', async () => {
      const job = await api.shop.call('GET', body.url)
      return job.body.state === 'waiting' && job.body
    })
    expect(waiting.waiting).toMatchObject({ why: { kind: 'limit' } })
    expect(waiting.waiting.untilMs).toBeGreaterThan(waiting.createdAtMs)
    const cancelled = await api.shop.call('DELETE', body.url)
    expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelled'])
    expect((await api.shop.call('DELETE', body.url)).status).toBe(200)
  })

  test('that is done cannot be cancelled', async () => {
    const { id } = await uploaded(api.shop, 'done.txt')
    const answer = await api.shop.call('DELETE', `/v1/jobs/${id}`)
    expect([answer.status, answer.body.kind]).toEqual([409, 'conflict'])
  })
})

describe('a token', () => {
  test('that is missing or wrong gets 401 and no word more', async () => {
    const wrong = ['', 'Bearer x', `Bearer ${api.stranger.token}`, `Basic ${api.shop.token}`, 'Bearer']
    for (const authorization of wrong) {
      const answer = await api.stranger.call('POST', '/v1/jobs/download', {}, { authorization })
      expect(answer.status).toBe(401)
      expect(answer.body).toEqual({
        ...{ type: 'about:blank', title: 'Unauthorized', status: 401, kind: 'token' },
      })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('that may only read hands nothing over', async () => {
    const answer = await api.reader.call('POST', '/v1/jobs/download', { mediaId: 'x' })
    expect([answer.status, answer.body.kind]).toEqual([403, 'token'])
    const { id } = await uploaded(api.shop, 'read.txt')
    expect((await api.reader.call('GET', `/v1/jobs/${id}`)).status).toBe(200)
    expect((await api.reader.call('DELETE', `/v1/jobs/${id}`)).status).toBe(403)
  })

  test('of another app hands over nothing for this one, and its jobs are not there', async () => {
    const answer = await api.other.call('POST', '/v1/jobs/download', { mediaId: 'x' })
    expect([answer.status, answer.body.detail]).toEqual([403, expect.stringContaining('"default"')])
    const { id } = await uploaded(api.shop, 'mine.txt')
    const theirs = await api.other.call('GET', `/v1/jobs/${id}`)
    const nobodys = await api.other.call('GET', `/v1/jobs/${id.replace(/.$/, '_')}`)
    expect([theirs.status, nobodys.status]).toEqual([404, 404])
    expect((await api.other.call('DELETE', `/v1/jobs/${id}`)).status).toBe(404)
    const own = await api.other.call('POST', '/v1/jobs/download', { app: 'other', mediaId: 'x' })
    expect(own.status).toBe(202)
  })

  test('is in no answer', async () => {
    const answer = await api.shop.call('POST', '/v1/jobs/download', { mediaId: `x ${api.shop.token}` })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body)).not.toContain(api.shop.token)
  })
})

describe('an idempotency key', () => {
  const key = (value: string) => ({ 'idempotency-key': value })

  test('Q22 makes 50 requests at once one job, and its answer stays', async () => {
    const payload = { mediaId: 'q22' }
    const posts = await Promise.all(
      Array.from({ length: 50 }, () => api.shop.call('POST', '/v1/jobs/download', payload, key('q22'))),
    )
    expect(new Set(posts.map(({ body }) => body.id)).size).toBe(1)
    const statuses = posts.map(({ status }) => status).toSorted()
    expect(statuses).toEqual([...Array(49).fill(200), 202])
    const [{ body } = { body: undefined }] = posts
    await api.shop.call('GET', `${body.url}?wait=10`)
    const after = await api.shop.call('POST', '/v1/jobs/download', payload, key('q22'))
    expect([after.status, after.body]).toEqual([200, body])
    // BullMQ may have thrown its job away long before the record goes.
    await api.redis.del(`${api.namespace}:download:${body.id}`)
    const later = await api.shop.call('POST', '/v1/jobs/download', payload, key('q22'))
    expect([later.status, later.body]).toEqual([200, body])
  })

  test('with another payload is a conflict, and an invalid one keeps nothing', async () => {
    const invalid = await api.shop.call('POST', '/v1/jobs/download', { mediaId: '' }, key('k2'))
    expect(invalid.status).toBe(400)
    expect((await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'a' }, key('k2'))).status).toBe(202)
    const other = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'b' }, key('k2'))
    expect([other.status, other.body.kind]).toEqual([409, 'conflict'])
  })

  test('is another one for another token', async () => {
    const mine = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'a' }, key('k3'))
    const theirs = await api.other.call(
      'POST',
      '/v1/jobs/download',
      { app: 'other', mediaId: 'a' },
      key('k3'),
    )
    expect([mine.status, theirs.status]).toEqual([202, 202])
    expect(mine.body.id).not.toBe(theirs.body.id)
  })

  test('runs a job again that failed, when asked to', async () => {
    const payload = { mediaId: 'again' }
    const first = await api.shop.call('POST', '/v1/jobs/download', payload, key('k4'))
    const failed = await api.shop.call('GET', `${first.body.url}?wait=10`)
    expect(failed.body.state).toBe('failed')
    const again = await api.shop.call('POST', '/v1/jobs/download?again=true', payload, key('k4'))
    expect([again.status, again.body.id]).toEqual([202, first.body.id])
    const second = await api.shop.call('GET', `${first.body.url}?wait=10`)
    expect(second.body.attempts).toBeGreaterThan(failed.body.attempts)
  })

  test.each(['x'.repeat(256), 'Ü'])('%s is refused', async value => {
    const answer = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'a' }, key(value))
    expect([answer.status, answer.body.kind]).toEqual([400, 'invalid'])
  })
})

describe('what is refused', () => {
  const post = (body: string, headers: Record<string, string> = {}, path = '/v1/jobs/download') =>
    api.shop.call('POST', path, body, { 'content-type': 'application/json', ...headers })

  test.each([
    ['no JSON', '{', {}, 400, 'invalid'],
    ['an empty body', '', {}, 400, 'invalid'],
    ['S13 __proto__', '{"mediaId":"a","__proto__":{"x":1}}', {}, 400, 'invalid'],
    ['S13 constructor', '{"mediaId":"a","constructor":{"prototype":{"x":1}}}', {}, 400, 'invalid'],
    ['another content type', 'mediaId=a', { 'content-type': 'text/plain' }, 415, 'wrong-type'],
    ['a form', 'mediaId=a', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'wrong-type'],
    ['an unknown field', '{"mediaId":"a","secret":1}', {}, 400, 'invalid'],
    ['no object', '[1]', {}, 400, 'invalid'],
    ['a body too large', JSON.stringify({ mediaId: 'x'.repeat(70_000) }), {}, 413, 'too-big'],
    ['a payload too large', JSON.stringify({ mediaId: 'x'.repeat(40_000) }), {}, 400, 'invalid'],
    ['an app that nobody knows', '{"mediaId":"a","app":"nobody"}', {}, 403, 'token'],
  ])('%s', async (_name, body, headers, status, kind) => {
    const answer = await post(body, headers)
    expect(answer.body).toMatchObject({ status, kind, type: 'about:blank' })
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.status).toBe(status)
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test.each([
    ['POST', '/v1/jobs/rename'],
    ['GET', '/v1/nothing'],
    ['PUT', '/v1/jobs/download'],
    ['GET', '/v1/jobs/..%2f..%2fetc'],
    ['GET', '/v1/jobs/no-such-job'],
  ])('%s %s is not there', async (verb, path) => {
    const answer = await api.shop.call(verb, path, verb === 'GET' ? undefined : {})
    expect([answer.status, answer.body.kind]).toEqual([404, 'not-found'])
  })

  test.each(['wait=-1', 'wait=3600', 'wait=x', 'what=1', 'wait=1&wait=2'])('?%s', async query => {
    const answer = await api.shop.call('GET', `/v1/jobs/x?${query}`)
    expect([answer.status, answer.body.kind]).toEqual([400, 'invalid'])
    expect(answer.body.detail).toContain('the query')
  })

  test('Redis that does not answer is 503 within its two seconds, and the key makes it safe to ask again', async () => {
    const redis = await startRedis()
    const there = await deployApi({ redisUrl: redis.url })
    const post = () =>
      there.shop.call('POST', '/v1/jobs/download', { mediaId: 'a' }, { 'idempotency-key': 'k' })
    expect((await post()).status).toBe(202)
    await redis.pause(5_000)
    const beganMs = performance.now()
    const refused = await post()
    expect([refused.status, refused.body.kind]).toEqual([503, 'unavailable'])
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(performance.now() - beganMs).toBeLessThan(4_000)
    expect(
      (
        await until('it answers again', async () => {
          const answer = await post()
          return answer.status === 503 ? undefined : answer
        })
      ).status,
    ).toBe(200)
  })

  test('every answer forbids sniffing and keeping', async () => {
    const answers = [
      await api.shop.call('GET', '/v1/jobs/x'),
      await api.stranger.call('GET', '/'),
      await post('{}'),
    ]
    for (const { headers } of answers) {
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
    }
    const raw = await new Promise<string>(resolve => {
      request(`${api.url}/v1/jobs/%zz`, answer =>
        answer
          .setEncoding('utf8')
          .on('data', resolve)
          .on('end', () => resolve('')),
      ).end()
    })
    expect(raw).toBe('')
  })
})
