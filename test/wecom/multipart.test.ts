import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import type { Body } from '../../src/wecom/call.ts'
import { safeName, uploadBody } from '../../src/wecom/multipart.ts'
import { faultOf, fileOf } from './files.ts'

const never = new AbortController().signal

async function bytesOf(body: Body): Promise<Buffer> {
  const parts: Buffer[] = []
  const open = await body.open(never)
  for await (const chunk of open.chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

/** What came out before it failed, and with what. */
async function untilFault(body: Body): Promise<{ sent: Buffer; fault: Fault }> {
  const parts: Buffer[] = []
  const { chunks } = await body.open(never)
  const read = async () => {
    for await (const chunk of chunks) parts.push(chunk)
  }
  const fault = await faultOf(read())
  return { sent: Buffer.concat(parts), fault }
}

/** Another reading of the format than the writer's: by the boundary and the first empty line. */
function parsed(bytes: Buffer, contentType: string) {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1] ?? ''
  const text = bytes.toString('latin1')
  const parts = text.split(`--${boundary}`)
  expect(parts).toHaveLength(3)
  expect([parts[0], parts[2]]).toEqual(['', '--\r\n'])
  const [head = '', ...rest] = (parts[1] ?? '').split('\r\n\r\n')
  const content = Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1')
  return { headers: Buffer.from(head, 'latin1').toString().trim().split('\r\n'), content }
}

describe('the body of an upload', () => {
  test('is the official example, apart from the order of spaces', async () => {
    const file = fileOf(Buffer.from('mytext'), { name: 'wework.txt' })
    const body = uploadBody(file, '-------------------------acebdf13572468')
    const golden = [
      '---------------------------acebdf13572468',
      'Content-Disposition: form-data; name="media"; filename="wework.txt"; filelength=6',
      'Content-Type: application/octet-stream',
      '',
      'mytext',
      '---------------------------acebdf13572468--',
      '',
    ].join('\r\n')
    expect((await bytesOf(body)).toString()).toBe(golden)
    // The sample says 220 with one space less (facts §2.1).
    expect(body.lengthBytes).toBe(221)
  })

  test('has exactly the announced length, one part, and the same bytes in it', async () => {
    const name = fc.string({ unit: 'binary' }).filter(text => text.isWellFormed())
    await fc.assert(
      fc.asyncProperty(name, fc.uint8Array({ maxLength: 200 }), async (name, content) => {
        const body = uploadBody(fileOf(Buffer.from(content), { name }))
        const bytes = await bytesOf(body)
        expect(bytes).toHaveLength(body.lengthBytes)
        const part = parsed(bytes, body.contentType)
        expect(part.content.equals(content)).toBe(true)
        expect(part.headers).toEqual([
          `Content-Disposition: form-data; name="media"; filename="${safeName(name)}"; filelength=${content.length}`,
          'Content-Type: application/octet-stream',
        ])
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    ['报告 一.pdf', '报告 一.pdf'],
    ['a "b".txt', 'a %22b%22.txt'],
    ['a\r\nX-Evil: 1', 'a%0D%0AX-Evil: 1'],
    ['50%.txt', '50%.txt'],
  ])('%j is sent as %j', (name, sent) => {
    expect(safeName(name)).toBe(sent)
  })

  test('of bytes that are at hand is the same, in one piece, and nothing is opened', async () => {
    const whole = Buffer.from('mytext')
    const stream = fileOf(whole, { name: 'wework.txt' })
    const open = () => Promise.reject(new Error('is not opened'))
    const body = uploadBody({ ...stream, whole: () => whole, open }, 'boundary')
    const { chunks } = await body.open(never)
    const pieces: Buffer[] = []
    for await (const chunk of chunks) pieces.push(chunk)
    expect(pieces).toEqual([await bytesOf(uploadBody(stream, 'boundary'))])
    expect(pieces[0]?.length).toBe(body.lengthBytes)
  })

  test('of other bytes at hand than announced is refused before anything is sent', async () => {
    const file = fileOf(Buffer.from('mytext'), { name: 'wework.txt' })
    const fault = await faultOf(uploadBody({ ...file, whole: () => Buffer.from('my') }).open(never))
    expect(fault.kind).toBe('transient')
  })

  test('a boundary is never used twice', () => {
    const types = new Set(
      Array.from({ length: 100 }, () => uploadBody(fileOf(Buffer.from('abcdef'))).contentType),
    )
    expect(types.size).toBe(100)
  })

  test.each([
    ['image', 'a.JPG', 'image/jpeg'],
    ['image', 'a.jpeg', 'image/jpeg'],
    ['image', 'a.png', 'image/png'],
    ['voice', 'a.amr', 'voice/amr'],
    ['video', 'a.mp4', 'video/mp4'],
    ['image', 'constructor', 'application/octet-stream'],
    ['file', 'a.png', 'application/octet-stream'],
  ] as const)('a %s named %s goes as %s', async (type, name, contentType) => {
    const body = uploadBody(fileOf(Buffer.from('abcdef'), { type, name }))
    expect((await bytesOf(body)).toString()).toContain(`\r\nContent-Type: ${contentType}\r\n`)
  })
})

describe('a source that does not keep its promise', () => {
  const tail = /--\r\n$/

  test.each([
    ['ends early', 'abc'],
    ['gives too much', 'abcdefg'],
    ['is empty', ''],
  ])('that %s fails the body before its end', async (_, content) => {
    const body = uploadBody(fileOf(Buffer.from(content), { sizeBytes: 6 }))
    const { sent, fault } = await untilFault(body)
    expect(fault.kind).toBe('transient')
    expect(sent.toString()).not.toMatch(tail)
    expect(sent.length).toBeLessThan(body.lengthBytes)
  })

  test('that fails half-way fails the body, and its error shows nothing but a code', async () => {
    const open = async () =>
      Readable.from(
        (function* () {
          yield Buffer.from('abc')
          throw Object.assign(new Error('/secret/path'), { code: 'EIO', path: '/secret/path' })
        })(),
      )
    const { fault } = await untilFault(uploadBody(fileOf(Buffer.from('abcdef'), { open })))
    expect(fault).toMatchObject({ kind: 'transient', cause: { name: 'Error', code: 'EIO' } })
    expect(JSON.stringify([fault.message, fault.cause])).not.toContain('secret')
  })

  test('that cannot be opened says so by kind', async () => {
    const failing = (code: string) => async () => {
      throw Object.assign(new Error('x'), { code })
    }
    const kindOf = async (code: string) =>
      (await faultOf(uploadBody(fileOf(Buffer.from('abcdef'), { open: failing(code) })).open(never))).kind
    expect(await kindOf('ENOENT')).toBe('not-found')
    expect(await kindOf('EMFILE')).toBe('transient')
  })

  test('whose own fault has a kind keeps it', async () => {
    const open = async () => {
      throw new Fault('forbidden-address', 'no')
    }
    expect(await faultOf(uploadBody(fileOf(Buffer.from('abcdef'), { open })).open(never))).toMatchObject({
      kind: 'forbidden-address',
    })
  })

  test('and opens after the caller has gone is closed', async () => {
    const leaving = new AbortController()
    const source = Readable.from([Buffer.from('abcdef')])
    const { promise, resolve } = Promise.withResolvers<Readable>()
    const opening = uploadBody(fileOf(Buffer.from('abcdef'), { open: () => promise })).open(leaving.signal)
    leaving.abort(new Error('gone'))
    await expect(opening).rejects.toThrow('gone')
    resolve(source)
    await promise
    await new Promise(done => setImmediate(done))
    expect(source.destroyed).toBe(true)
  })
})
