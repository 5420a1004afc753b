import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { defaultApp, type Simulator } from '../../src/simulator/index.ts'
import { tempDir } from '../support/temp.ts'
import {
  amr,
  mediaUrl,
  mp4,
  multipart,
  open,
  png,
  split,
  startSimulator,
  tokenOf,
  type UploadOptions,
  untilEnd,
  upload,
} from './wire.ts'

const MiB = 1024 * 1024

const codeOf = async (simulator: Simulator, options: UploadOptions): Promise<unknown> =>
  (await upload(simulator, options)).json['errcode']

const post = async (simulator: Simulator, head: string, body: string | Buffer, token?: string) => {
  const socket = open(simulator)
  const path = `/cgi-bin/media/upload?access_token=${token ?? (await tokenOf(simulator))}&type=file`
  socket.write(`POST ${path} HTTP/1.1\r\nHost: simulator\r\nConnection: close\r\n${head}\r\n\r\n`)
  socket.write(body)
  return split(await untilEnd(socket))
}

describe('media/upload', () => {
  it('takes the official example byte for byte', async () => {
    const simulator = await startSimulator()
    const body = [
      '---------------------------acebdf13572468',
      'Content-Disposition: form-data; name="media";filename="wework.txt"; filelength=6',
      'Content-Type: application/octet-stream',
      '',
      'mytext',
      '---------------------------acebdf13572468--',
      '',
    ].join('\r\n')
    expect(Buffer.byteLength(body)).toBe(220)
    const head =
      'Content-Type: multipart/form-data; boundary=-------------------------acebdf13572468\r\nContent-Length: 220'
    const answer = await post(simulator, head, body)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ errcode: 0, type: 'file' })
    expect(simulator.log({ method: 'media/upload' })).toMatchObject([
      {
        bytesIn: 220,
        errcode: 0,
        status: 200,
        state: 'done',
        aborted: false,
        corp: defaultApp.corpId,
        filename: 'wework.txt',
        sha256: createHash('sha256').update('mytext').digest('hex'),
      },
    ])
  })

  it('answers a media_id of 44 characters and created_at as text, by its own clock', async () => {
    const simulator = await startSimulator({ startMs: 1_380_000_000_900, frozen: true })
    const { json } = await upload(simulator)
    expect(json).toMatchObject({ errcode: 0, errmsg: '', type: 'file', created_at: '1380000000' })
    expect(json['media_id']).toMatch(/^1[\w-]{43}$/)
  })

  it('answers created_at as a number where the switch says so', async () => {
    const simulator = await startSimulator({
      startMs: 1_380_000_000_000,
      frozen: true,
      switches: { createdAt: 'number' },
    })
    expect((await upload(simulator)).json['created_at']).toBe(1_380_000_000)
  })

  it('takes each type up to its last byte and refuses one more with the code of the type', async () => {
    const simulator = await startSimulator()
    const cases = [
      { type: 'image', content: png, max: 10 * MiB, code: 40009 },
      { type: 'video', content: mp4, max: 10 * MiB, code: 40011 },
      { type: 'file', content: (size: number) => Buffer.alloc(size), max: 20 * MiB, code: 40006 },
    ]
    for (const { type, content, max, code } of cases) {
      expect(await codeOf(simulator, { type, content: content(max) })).toBe(0)
      expect(await codeOf(simulator, { type, content: content(max + 1) })).toBe(code)
    }
    expect(await codeOf(simulator, { type: 'voice', content: Buffer.alloc(2 * MiB + 1) })).toBe(45001)
    expect(simulator.log({ errcode: 40006 })[0]?.bytesIn).toBeGreaterThan(20 * MiB)
  })

  it('refuses 1 to 5 bytes with 40006, none with 44001, and takes 6', async () => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { content: '' })).toBe(44001)
    expect(await codeOf(simulator, { content: '1' })).toBe(40006)
    expect(await codeOf(simulator, { content: '12345' })).toBe(40006)
    expect(await codeOf(simulator, { content: '123456' })).toBe(0)
  })

  it('refuses content that does not fit the type', async () => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { type: 'image', content: 'GIF89a and more' })).toBe(40123)
    expect(
      await codeOf(simulator, { type: 'image', content: Buffer.from('ffd8ffe000104a464946', 'hex') }),
    ).toBe(0)
    expect(await codeOf(simulator, { type: 'video', content: 'not an mp4 at all' })).toBe(40004)
    expect(await codeOf(simulator, { type: 'voice', content: '#!AMR-WB\nwideband' })).toBe(301017)
    expect(await codeOf(simulator, { type: 'voice', content: amr(3000) })).toBe(0)
    expect(await codeOf(simulator, { type: 'voice', content: amr(3001) })).toBe(45007)
  })

  it('answers another code for a doubtful mistake where the switch says so', async () => {
    const simulator = await startSimulator({ switches: { errcodes: { 'not-an-image': 40004 } } })
    expect(await codeOf(simulator, { type: 'image', content: 'GIF89a and more' })).toBe(40004)
  })

  it('refuses a missing or unknown type with 40005', async () => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { type: '' })).toBe(40005)
    expect(await codeOf(simulator, { type: 'audio' })).toBe(40005)
    expect(await codeOf(simulator, { type: 'constructor' })).toBe(40005)
  })

  it.each([
    ['another field name', 'form-data; name="file"; filename="a.txt"'],
    ['no file name', 'form-data; name="media"'],
    ['an empty file name', 'form-data; name="media"; filename=""'],
    ['filename* alone', `form-data; name="media"; filename*=utf-8''a.txt`],
  ])('refuses %s with 44001', async (_, disposition) => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { disposition })).toBe(44001)
  })

  it('refuses a Content-Type without boundary and a body that is no multipart with 44001', async () => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { contentType: 'multipart/form-data' })).toBe(44001)
    expect(await codeOf(simulator, { contentType: 'application/octet-stream' })).toBe(44001)
    expect(await codeOf(simulator, { contentType: 'multipart/form-data; boundary=another' })).toBe(44001)
  })

  it('takes a quoted boundary, and refuses bare line feeds', async () => {
    const simulator = await startSimulator()
    expect(
      await codeOf(simulator, {
        contentType: 'Multipart/Form-Data; charset=utf-8; Boundary="----simulated0123456789"',
      }),
    ).toBe(0)
    const bare = multipart('some text').toString().replaceAll('\r\n', '\n')
    const head = `Content-Type: multipart/form-data; boundary=----simulated0123456789\r\nContent-Length: ${bare.length}`
    expect(JSON.parse((await post(simulator, head, bare)).body.toString()).errcode).toBe(44001)
  })

  it.each([
    ['form-data; name="media"; filename="中文 名.txt"', '中文 名.txt'],
    ['form-data; name="media"; filename="%E4%B8%AD.txt"', '%E4%B8%AD.txt'],
    ['form-data;name=media;filename=bare.txt;filelength="9"', 'bare.txt'],
    ['form-data; filename="a \\"b\\" c:\\d.txt"; name="media"', 'a "b" c:\\d.txt'],
    [`form-data; name="media"; filename="both.txt"; filename*=utf-8''other.txt`, 'both.txt'],
  ])('keeps the name of %s as it is', async (disposition, name) => {
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { disposition })).toBe(0)
    expect(simulator.log({ method: 'media/upload' })[0]?.filename).toBe(name)
  })

  it('refuses a wrong filelength of an image with 40123, of nothing else, and not where the switch is off', async () => {
    const image = { type: 'image', content: png(100) }
    const wrong = 'form-data; name="media"; filename="a.png"; filelength=99'
    const simulator = await startSimulator()
    expect(await codeOf(simulator, { ...image, disposition: wrong })).toBe(40123)
    expect(await codeOf(simulator, { ...image, disposition: wrong.replace('99', '"100"') })).toBe(0)
    expect(await codeOf(simulator, { disposition: wrong })).toBe(0)
    const lenient = await startSimulator({ switches: { checkFilelength: false } })
    expect(await codeOf(lenient, { ...image, disposition: wrong })).toBe(0)
  })

  it('refuses a body without Content-Length with an empty 412, and takes it where the switch is off', async () => {
    const body = multipart('some text')
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const head =
      'Content-Type: multipart/form-data; boundary=----simulated0123456789\r\nTransfer-Encoding: chunked'
    const answer = await post(await startSimulator(), head, chunked)
    expect(answer.head).toMatch(/^HTTP\/1\.1 412 /)
    expect(answer.body).toHaveLength(0)
    const lenient = await startSimulator({ switches: { requireContentLength: false } })
    expect(JSON.parse((await post(lenient, head, chunked)).body.toString()).errcode).toBe(0)
  })

  it('reads the whole body before it refuses a token', async () => {
    const simulator = await startSimulator()
    const { json } = await upload(simulator, { token: 'made-up', content: Buffer.alloc(3 * MiB) })
    expect(json['errcode']).toBe(40014)
    expect(simulator.log()[0]?.bytesIn).toBeGreaterThan(3 * MiB)
  })

  it('never accepts a body that ends early, and says who ended it', async () => {
    const simulator = await startSimulator()
    const socket = open(simulator)
    const body = multipart('0123456789'.repeat(1000))
    socket.write(
      `POST /cgi-bin/media/upload?access_token=${await tokenOf(simulator)}&type=file HTTP/1.1\r\nHost: simulator\r\n` +
        `Content-Type: multipart/form-data; boundary=----simulated0123456789\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    socket.write(body.subarray(0, -1))
    await simulator.waitFor({ method: 'media/upload', state: 'open', minBytesIn: body.length - 1 })
    socket.destroy()
    const [call] = await simulator.waitFor({ method: 'media/upload', state: 'done' })
    expect(call).toMatchObject({ aborted: 'client', bytesIn: body.length - 1 })
    expect(call).not.toHaveProperty('mediaId')
  })

  it('refuses a whole body whose closing boundary is missing with 44001', async () => {
    const simulator = await startSimulator()
    const body = multipart('some text').subarray(0, -8)
    const head = `Content-Type: multipart/form-data; boundary=----simulated0123456789\r\nContent-Length: ${body.length}`
    expect(JSON.parse((await post(simulator, head, body)).body.toString()).errcode).toBe(44001)
  })

  it('skips other parts, a preamble and an epilogue', async () => {
    const simulator = await startSimulator()
    const body = [
      'a preamble',
      '--B',
      '',
      'a part without headers',
      '--B',
      'Content-Disposition: form-data; name="other"; filename="no.txt"',
      '',
      'not this one',
      '--B  ',
      'content-disposition: form-data; name="media"; filename="yes.txt"',
      '',
      'this one, with --B inside\r\n--',
      '--B--',
      'an epilogue',
    ].join('\r\n')
    const head = `Content-Type: multipart/form-data; boundary=B\r\nContent-Length: ${body.length}`
    expect(JSON.parse((await post(simulator, head, body)).body.toString()).errcode).toBe(0)
    const [call] = simulator.log({ method: 'media/upload' })
    expect(call?.filename).toBe('yes.txt')
    const content = await fetch(await mediaUrl(simulator, String(call?.mediaId)))
    expect(await content.text()).toBe('this one, with --B inside\r\n--')
  })

  it('keeps no file of what it refused, and none at all after its end', async () => {
    const temp = await tempDir()
    vi.stubEnv('TMPDIR', temp)
    onTestFinished(() => void vi.unstubAllEnvs())
    const simulator = await startSimulator()
    await upload(simulator, { content: '12345' })
    const [folder = 'none'] = readdirSync(temp)
    expect(readdirSync(join(temp, folder))).toEqual([])
    await upload(simulator)
    expect(readdirSync(join(temp, folder))).toHaveLength(1)
    await simulator.stop()
    expect(readdirSync(temp)).toEqual([])
  })
})
