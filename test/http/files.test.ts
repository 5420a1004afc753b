/** Files of finished jobs, limits and ledger over HTTP; and the arithmetic of ranges. */

import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { dispositionOf, spanIn } from '../../src/http/range.ts'
import { account } from '../support/deployment.ts'
import { type ApiDeployment, deployApi } from './api.ts'

let api: ApiDeployment
beforeAll(async () => {
  api = await deployApi()
})

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251))
const sha256 = createHash('sha256').update(content).digest('hex')

/** A download that is done; the URL of its job. */
async function downloaded(name = 'a.bin'): Promise<string> {
  const data = new FormData()
  data.set('type', 'file')
  data.set('media', new File([content], name))
  const posted = await api.shop.call('POST', '/v1/jobs/upload', data)
  const { mediaId } = (await api.shop.call('GET', `${posted.body.url}?wait=15`)).body.result
  const got = await api.shop.call('POST', '/v1/jobs/download', { mediaId })
  expect((await api.shop.call('GET', `${got.body.url}?wait=15`)).body.state).toBe('done')
  return got.body.url
}

const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const answer = await fetch(`${api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${api.shop.token}`, ...headers },
  })
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}

describe('the file of a download', () => {
  test('comes whole, with its hash and a name that no browser opens', async () => {
    const url = await downloaded('产品 "图".bin')
    const { body } = await api.shop.call('GET', url)
    expect(body.file).toBe(`${url}/file`)
    const { status, headers, bytes } = await get(body.file)
    expect(status).toBe(200)
    expect(bytes.equals(content)).toBe(true)
    expect(headers.get('etag')).toBe(`"${sha256}"`)
    expect(headers.get('content-length')).toBe('300000')
    expect(headers.get('content-disposition')).toContain(`filename*=UTF-8''${encodeURIComponent('产品')}`)
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="[\x20-\x7e]*";/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const head = await get(body.file, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '300000', 0])
  })

  test('comes in parts, and only of the very file that was asked for', async () => {
    const file = `${await downloaded()}/file`
    const part = await get(file, { range: 'bytes=1000-200999' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 1000-200999/300000'])
    expect(part.bytes.equals(content.subarray(1_000, 201_000))).toBe(true)
    expect((await get(file, { range: 'bytes=-10' })).bytes.equals(content.subarray(-10))).toBe(true)
    expect((await get(file, { range: 'bytes=299999-' })).bytes).toEqual(content.subarray(-1))
    const outside = await get(file, { range: 'bytes=300000-' })
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */300000'])
    for (const range of ['bytes=0-1,5-6', 'bytes=x-', 'lines=1-2', 'bytes=5-2'])
      expect((await get(file, { range })).status).toBe(200)
    const same = { range: 'bytes=0-9', 'if-range': `"${sha256}"` }
    expect((await get(file, same)).status).toBe(206)
    expect((await get(file, { ...same, 'if-range': '"other"' })).status).toBe(200)
    expect((await get(file, { 'if-none-match': `"x", "${sha256}"` })).status).toBe(304)
  })

  test('is not there yet, never was, or is gone', async () => {
    const failed = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'unknown' })
    await api.shop.call('GET', `${failed.body.url}?wait=15`)
    api.simulator.faults.add({ method: 'media/get', do: 'hold', at: 'answer', times: 1 })
    const waiting = await api.shop.call('POST', '/v1/jobs/download', { mediaId: 'held' })
    const url = await downloaded()
    const { result } = (await api.shop.call('GET', url)).body
    const kinds = async (path: string) => {
      const { status, body } = await api.shop.call('GET', `${path}/file`)
      return [status, body.kind]
    }
    expect(await kinds(failed.body.url)).toEqual([409, 'conflict'])
    expect(await kinds(waiting.body.url)).toEqual([409, 'pending'])
    expect(await kinds('/v1/jobs/none')).toEqual([404, 'not-found'])
    expect((await api.other.call('GET', `${url}/file`)).status).toBe(404)
    await writeFile(result.path, 'another content')
    expect(await kinds(url)).toEqual([410, 'gone'])
    await rm(result.path)
    expect(await kinds(url)).toEqual([410, 'gone'])
    await api.shop.call('DELETE', waiting.body.url)
  })
})

describe('a look', () => {
  test('finds the media_id of bytes, for their app and name only', async () => {
    await downloaded('look.bin')
    const query = `type=file&sha256=${sha256}&name=look.bin`
    const found = await api.shop.call('GET', `/v1/media?${query}`)
    expect(found).toMatchObject({ status: 200, body: { mediaId: expect.any(String), sizeBytes: 300_000 } })
    expect((await api.shop.call('GET', `/v1/media?${query}x`)).status).toBe(404)
    expect((await api.shop.call('GET', `/v1/media?type=image&sha256=${sha256}`)).status).toBe(404)
    expect((await api.shop.call('GET', `/v1/media?type=file&sha256=${sha256}`)).status).toBe(400)
    expect((await api.other.call('GET', `/v1/media?${query}`)).status).toBe(403)
    // It is of the same company.
    expect((await api.other.call('GET', `/v1/media?app=other&${query}`)).status).toBe(200)
  })

  test('finds what is kept alive under a name, and lets it go', async () => {
    const path = await api.put('kept.txt', 'kept alive for a while')
    const until = new Date(Date.now() + 10 * 24 * 3_600_000).toISOString()
    const payload = { type: 'file', source: { path }, keepAlive: { name: 'logo', until } }
    const { body } = await api.shop.call('POST', '/v1/jobs/upload', payload)
    const { result } = (await api.shop.call('GET', `${body.url}?wait=15`)).body
    const kept = await api.shop.call('GET', '/v1/media/kept/logo')
    expect(kept).toMatchObject({ status: 200, body: { state: 'fresh', mediaId: result.mediaId } })
    expect((await api.shop.call('GET', '/v1/media/kept')).body.kept).toHaveLength(1)
    expect((await api.other.call('GET', '/v1/media/kept/logo')).status).toBe(403)
    expect((await api.other.call('GET', '/v1/media/kept/logo?app=other')).status).toBe(404)
    const gone = await api.shop.call('DELETE', '/v1/media/kept/logo')
    expect(gone).toMatchObject({ status: 200, body: { state: 'ended' } })
  })

  test('shows the limits of the apps of a token', async () => {
    const { status, body } = await api.shop.call('GET', '/v1/limits')
    expect(status).toBe(200)
    expect(body.limits.length).toBeGreaterThan(5)
    for (const { corp } of body.limits) expect(corp).toBe(account.corpId)
    expect(body.closedApps).toEqual([])
    expect((await api.shop.call('GET', '/v1/limits?app=other')).status).toBe(403)
  })
})

test('a range never leaves the file, and a name never leaves its quotes', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.nat(1_000), (tail, sizeBytes) => {
      const span = spanIn(`bytes=${tail}`, sizeBytes)
      if (typeof span === 'string') return
      expect(span.start).toBeGreaterThanOrEqual(0)
      expect(span.end).toBeLessThan(sizeBytes)
      expect(span.start).toBeLessThanOrEqual(span.end)
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), name => {
      expect(dispositionOf(name)).toMatch(/^attachment; filename="[^"\\%]*"; filename\*=UTF-8''[\w.~!*%-]*$/)
    }),
    { numRuns: 500 },
  )
})
