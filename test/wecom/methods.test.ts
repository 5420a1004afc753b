import { describe, expect, test } from 'vitest'
import type { AsyncUpload } from '../../src/wecom/index.ts'
import { faultOf, fileOf, small } from './files.ts'
import { accepted, type Handler, type Origin, reply, startOrigin, token } from './origin.ts'

const answers =
  (json: unknown): Handler =>
  (_, response) =>
    reply(response, json)

/** The one call besides those for tokens. */
const theCall = ({ seen }: Origin) => {
  const calls = seen.filter(({ method }) => method !== 'gettoken' && !method.startsWith('service/get_'))
  expect(calls).toHaveLength(1)
  const [{ method, query, headers, body } = expect.fail('no call')] = calls
  return { method, query: Object.fromEntries(query), headers, body }
}

const video: AsyncUpload = {
  type: 'video',
  name: '开幕 1.mp4',
  url: 'https://media.example.com/a.mp4?sign=url-canary',
  md5: 'D41D8CD98F00B204E9800998ECF8427E',
}

describe('an upload for another use', () => {
  test.each([
    ['moments', 'image', { media_type: 'image', attachment_type: '1' }],
    ['moments', 'video', { media_type: 'video', attachment_type: '1' }],
    ['product-album', 'file', { media_type: 'file', attachment_type: '2' }],
  ] as const)('for %s sends %s as the manual has it', async (attachment, type, query) => {
    const origin = await startOrigin(answers({ ...accepted, created_at: 1_700_000_000 }))
    const up = await origin.client().uploadAttachment({ ...fileOf(small, { type }), attachment })
    const createdAtMs = 1_700_000_000_000
    expect(up).toEqual({ type, mediaId: '1abc', createdAtMs, expiresAtMs: createdAtMs + 72 * 3_600_000 })
    const call = theCall(origin)
    expect(call).toMatchObject({
      method: 'media/upload_attachment',
      query: { access_token: token, ...query },
    })
    expect(Object.keys(call.query)).toHaveLength(3)
    expect(call.body.toString()).toContain('name="media"; filename="report.pdf"; filelength=12')
  })

  test.each([
    ['a file for moments', { type: 'file', attachment: 'moments' }, 'wrong-type'],
    ['a voice for moments', { type: 'voice', attachment: 'moments' }, 'wrong-type'],
    ['a voice for the album', { type: 'voice', attachment: 'product-album' }, 'wrong-type'],
    ['no attachment', { attachment: undefined }, 'invalid'],
    ['an attachment that every object has', { attachment: 'toString' }, 'invalid'],
    ['too many bytes', { type: 'image', attachment: 'moments', sizeBytes: 11 * 1024 * 1024 }, 'too-big'],
  ])('%s is refused before anything is sent', async (_, over, kind) => {
    const origin = await startOrigin(answers(accepted))
    const file = { ...fileOf(small), ...{ attachment: 'moments' }, ...over } as never
    expect((await faultOf(origin.client().uploadAttachment(file))).kind).toBe(kind)
    expect(origin.seen).toEqual([])
  })

  test('that the scene does not allow names the code, the reason and the page', async () => {
    const origin = await startOrigin(answers({ errcode: 41081, errmsg: 'x' }))
    const file = { ...fileOf(small, { type: 'image' }), attachment: 'moments' } as const
    const fault = await faultOf(origin.client().uploadAttachment(file))
    expect(fault).toMatchObject({ kind: 'rejected', errcode: 41081 })
    expect(fault.message).toMatch(/resolution.*e=41081/)
  })
})

describe('an upload of a provider', () => {
  const provider: Handler = (_, response, { method }) =>
    reply(
      response,
      method === 'service/get_provider_token'
        ? { provider_access_token: 'provider-token', expires_in: 7200 }
        : accepted,
    )

  test.each([
    ['plainly', undefined, {}],
    ['for the cashier', 'cashier', { attachment_type: '3' }],
  ] as const)('goes %s with the provider’s token', async (_, attachment, query) => {
    const origin = await startOrigin(provider)
    const client = origin.client({ kind: 'provider', secret: 'provider-secret' })
    const up = await client.uploadForProvider({ ...fileOf(small), ...(attachment && { attachment }) })
    expect(up).toMatchObject({ type: 'file', mediaId: '1abc' })
    expect(theCall(origin)).toMatchObject({ method: 'service/media/upload' })
    expect(theCall(origin).query).toEqual({ provider_access_token: 'provider-token', type: 'file', ...query })
    expect(JSON.parse(String(origin.seen[0]?.body))).toEqual({
      corpid: 'ww_corp',
      provider_secret: 'provider-secret',
    })
  })

  test.each([
    '/etc/a.txt',
    'a\\b.txt',
    'a:b.txt',
  ])('named %s is refused before anything is sent', async name => {
    const origin = await startOrigin(provider)
    const client = origin.client({ kind: 'provider' })
    expect((await faultOf(client.uploadForProvider(fileOf(small, { name })))).kind).toBe('invalid')
    expect(origin.seen).toEqual([])
  })
})

describe('HD voice', () => {
  test('is asked for without a range and comes back byte for byte', async () => {
    const frames = Buffer.alloc(600, 7)
    const origin = await startOrigin((_, response) => {
      const headers = { 'content-type': 'voice/speex', 'content-disposition': 'attachment; filename="XXX"' }
      response.writeHead(200, { ...headers, 'content-length': frames.length }).end(frames)
    })
    const media = await origin.client().getHd('1abc')
    expect(media).toMatchObject({ whole: true, lengthBytes: 600, contentType: 'voice/speex' })
    expect(Buffer.concat(await media.body.toArray()).equals(frames)).toBe(true)
    const { method, query, headers } = theCall(origin)
    expect({ method, query }).toEqual({
      method: 'media/get/jssdk',
      query: { access_token: token, media_id: '1abc' },
    })
    expect(headers.range).toBeUndefined()
  })

  test('that is none is gone, and a part of one is never taken for the whole', async () => {
    const gone = await startOrigin(answers({ errcode: 40007, errmsg: 'invalid media_id' }))
    expect(await faultOf(gone.client().getHd('1abc'))).toMatchObject({ kind: 'gone', errcode: 40007 })
    const part = await startOrigin((_, response) =>
      response
        .writeHead(206, { 'content-range': 'bytes 0-59/120', 'content-length': 60 })
        .end('x'.repeat(60)),
    )
    expect((await faultOf(part.client().getHd('1abc'))).kind).toBe('transient')
  })
})

describe('a URL that the platform fetches', () => {
  test('goes out as JSON of exact length, its md5 in lower case', async () => {
    const origin = await startOrigin(answers({ errcode: 0, errmsg: 'ok', jobid: 'jobid_1' }))
    expect(await origin.client().uploadByUrl(video)).toEqual({ jobId: 'jobid_1' })
    const { method, query, headers, body } = theCall(origin)
    expect({ method, query }).toEqual({ method: 'media/upload_by_url', query: { access_token: token } })
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'content-length': `${body.length}` })
    expect(headers['transfer-encoding']).toBeUndefined()
    expect(JSON.parse(body.toString())).toEqual({
      scene: 1,
      type: 'video',
      filename: video.name,
      url: video.url,
      md5: video.md5.toLowerCase(),
    })
  })

  const pad = (url: string, bytes: number) => url + 'x'.repeat(bytes - Buffer.byteLength(url))

  test('may have a name of 128 bytes and a URL of 1024', async () => {
    const origin = await startOrigin(answers({ jobid: 'j' }))
    const name = `${'汉'.repeat(42)}.a`
    await origin.client().uploadByUrl({ ...video, name, url: pad('http://a/', 1024) })
    expect(theCall(origin).method).toBe('media/upload_by_url')
  })

  test.each([
    ['an image', { type: 'image' }, 'wrong-type', /video and file.*media\/upload/],
    ['a voice', { type: 'voice' }, 'wrong-type', /video and file.*media\/upload/],
    ['a type that is not there', { type: 'gif' }, 'invalid', /video and file/],
    ['no name', { name: '' }, 'invalid', /0 bytes/],
    ['43 Chinese characters as its name', { name: '汉'.repeat(43) }, 'invalid', /129 bytes/],
    ['a URL of 1025 bytes', { url: pad('https://a/?url-canary=', 1025) }, 'invalid', /1025 bytes/],
    ['a URL that is too long only in bytes', { url: `${pad('https://a/', 1024)}汉` }, 'invalid', /1027/],
    ['another protocol', { url: 'ftp://url-canary/a' }, 'invalid', /http/],
    ['no URL', { url: 'url-canary' }, 'invalid', /http/],
    ['a line break in its URL', { url: 'https://a/url-canary\n' }, 'invalid', /blanks/],
    ['an md5 of 31 digits', { md5: 'a'.repeat(31) }, 'invalid', /32 hex/],
    ['an md5 in base64', { md5: '1B2M2Y8AsgTpgAmY7PhCfg==' }, 'invalid', /32 hex/],
  ])('with %s is refused before anything is sent', async (_, over, kind, message) => {
    const origin = await startOrigin(answers({ jobid: 'j' }))
    const fault = await faultOf(origin.client().uploadByUrl({ ...video, ...over } as AsyncUpload))
    expect(fault.kind).toBe(kind)
    expect(fault.message).toMatch(message)
    expect(fault.message).not.toContain('canary')
    expect(origin.seen).toEqual([])
  })

  test('is sent once when its answer is lost or has no jobid: what became of it is unknown', async () => {
    const handlers: Handler[] = [(request, _) => void request.socket.destroy(), answers({ errcode: 0 })]
    for (const handler of handlers) {
      const origin = await startOrigin(handler)
      const fault = await faultOf(origin.client().uploadByUrl(video))
      expect(fault.kind).toBe('unknown')
      expect(JSON.stringify([fault.message, fault.cause])).not.toContain('canary')
      expect(theCall(origin).method).toBe('media/upload_by_url')
    }
  })

  test('needs a permission, and is told so', async () => {
    const origin = await startOrigin(answers({ errcode: 48002, errmsg: 'api forbidden' }))
    const fault = await faultOf(origin.client().uploadByUrl(video))
    expect(fault).toMatchObject({ kind: 'config', errcode: 48002 })
    expect(fault.message).toContain('客户联系')
  })
})

describe('the result of such a job', () => {
  const ask = async (json: unknown, jobId = 'jobid_1') => {
    const origin = await startOrigin(answers(json))
    return origin.client().uploadByUrlResult(jobId)
  }
  const detail = { errcode: 0, errmsg: 'ok', media_id: '3*1*G6', created_at: '1700000000' }
  const done = {
    state: 'done',
    mediaId: '3*1*G6',
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: 1_700_000_000_000 + 72 * 3_600_000,
  }

  test('is asked for by its jobid', async () => {
    const origin = await startOrigin(answers({ errcode: 0, status: 1 }))
    await origin.client().uploadByUrlResult('jobid_1')
    const { method, body } = theCall(origin)
    expect({ method, body: JSON.parse(body.toString()) }).toEqual({
      method: 'media/get_upload_by_url_result',
      body: { jobid: 'jobid_1' },
    })
  })

  test.each([
    ['running', { errcode: 0, status: 1 }, { state: 'running' }],
    ['running, as a string', { status: '1', detail: null }, { state: 'running' }],
    [
      'running, with an empty detail',
      { status: 1, detail: { errcode: 0, media_id: '', created_at: '' } },
      { state: 'running' },
    ],
    ['done', { errcode: 0, status: 2, detail }, done],
    [
      'done, as a string and with a number',
      { status: '2', detail: { ...detail, created_at: 1_700_000_000 } },
      done,
    ],
    [
      'done, as a private deployment spells it',
      { status: 2, detail: { media_id: '3*1*G6', create_at: 1_700_000_000 } },
      done,
    ],
  ])('%s is read', async (_, json, result) => {
    expect(await ask(json)).toEqual(result)
  })

  test('of the far future is dated now', async () => {
    const result = await ask({ status: 2, detail: { ...detail, created_at: '99999999999' } })
    if (result.state !== 'done') throw new Error('not done')
    expect(result.createdAtMs).toBeLessThanOrEqual(Date.now())
  })

  test('without a time is dated never later than the truth: a jobid lives an hour', async () => {
    const beforeMs = Date.now()
    const result = await ask({ status: 2, detail: { media_id: '3*1*G6', created_at: '' } })
    if (result.state !== 'done') throw new Error('not done')
    expect(result.createdAtMs).toBeGreaterThanOrEqual(beforeMs - 3_600_000)
    expect(result.createdAtMs).toBeLessThanOrEqual(Date.now() - 3_600_000)
  })

  test.each([
    [830001, 'rejected', /Range/],
    [830003, 'transient', /download/],
    [45001, 'too-big', /too small/],
    [301019, 'rejected', /md5/],
    ['830001', 'rejected', /Range/],
    [99_999, 'rejected', /not in our table/],
  ])('failed with %s is an answer, and its fault is %s', async (errcode, kind, message) => {
    const result = await ask({ errcode: 0, status: 3, detail: { errcode, errmsg: 'odd', media_id: '' } })
    expect(result).toMatchObject({ state: 'failed', fault: { kind, errcode: Number(errcode) } })
    if (result.state === 'failed') expect(result.fault.message).toMatch(message)
  })

  test.each([
    {},
    { detail: null },
    { detail: { errcode: 0 } },
  ])('failed without a reason (%j) is failed', async json => {
    const result = await ask({ status: '3', ...json })
    expect(result).toMatchObject({ state: 'failed', fault: { kind: 'rejected', errcode: undefined } })
  })

  test('failed with an odd field beside the code keeps the code', async () => {
    const result = await ask({ status: 3, detail: { errcode: 830003, errmsg: null, created_at: 0 } })
    expect(result).toMatchObject({ state: 'failed', fault: { kind: 'transient', errcode: 830003 } })
  })

  test.each([40088, 770006, 790000])('of a jobid that is unknown or too old (%i) is gone', async errcode => {
    expect(await faultOf(ask({ errcode, errmsg: 'x' }))).toMatchObject({ kind: 'gone', errcode })
  })

  test.each([
    ['no status', { errcode: 0 }],
    ['another status', { status: 4 }],
    ['done without a media_id', { status: 2, detail: { errcode: 0 } }],
    ['done with an empty media_id', { status: 2, detail: { media_id: '' } }],
  ])('with %s is no answer, and asking again is free', async (_, json) => {
    const origin = await startOrigin(answers(json))
    const asked = origin.client({ retry: { transientTries: 1, firstWaitMs: 1 } }).uploadByUrlResult('j')
    expect((await faultOf(asked)).kind).toBe('transient')
    expect(origin.count('media/get_upload_by_url_result')).toBe(2)
  })

  test.each(['', 'x'.repeat(129)])('of a jobid like "%s" is refused before anything is sent', async jobId => {
    const origin = await startOrigin(answers({ status: 1 }))
    expect((await faultOf(origin.client().uploadByUrlResult(jobId))).kind).toBe('invalid')
    expect(origin.seen).toEqual([])
  })
})
