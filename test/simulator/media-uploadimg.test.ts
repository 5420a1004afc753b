import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { defaultApp } from '../../src/simulator/index.ts'
import {
  type ImageOptions,
  multipart,
  open,
  png,
  split,
  startSimulator,
  untilEnd,
  uploadimg,
} from './wire.ts'

const MiB = 1024 * 1024
const jpg = (sizeBytes: number): Buffer =>
  Buffer.concat([Buffer.from('ffd8ff', 'hex'), Buffer.alloc(sizeBytes - 3)])

const codeOf = async (options: ImageOptions): Promise<unknown> =>
  (await uploadimg(await startSimulator(), options)).json['errcode']

describe('media/uploadimg', () => {
  it('answers a URL like the sample of the manual, which gives the same bytes back for ever', async () => {
    const simulator = await startSimulator({ frozen: true })
    const content = png(5000)
    const { json, headers } = await uploadimg(simulator, { content })
    expect(json).toEqual({
      errcode: 0,
      errmsg: '',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/pic_wework\/\d{10}\/[0-9a-f]{40}\/0$/),
    })
    expect(headers.get('error-code')).toBe('0')
    simulator.advance(400 * 24 * 3_600_000)
    const picture = await fetch(String(json['url']))
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(Buffer.from(await picture.arrayBuffer()).equals(content)).toBe(true)
    expect(simulator.log({ method: 'media/uploadimg' })).toMatchObject([
      {
        corp: defaultApp.corpId,
        url: json['url'],
        filename: 'a.png',
        sha256: createHash('sha256').update(content).digest('hex'),
      },
    ])
  })

  it('answers another URL for the same picture, at another host where the switch says so', async () => {
    const simulator = await startSimulator({ switches: { imageOrigin: 'http://p.qpic.cn' } })
    const [first, second] = [await uploadimg(simulator), await uploadimg(simulator)]
    expect(first.json['url']).toMatch(/^http:\/\/p\.qpic\.cn\/pic_wework\//)
    expect(second.json['url']).not.toBe(first.json['url'])
  })

  it('answers 404 for a picture that it does not have, outside the log', async () => {
    const simulator = await startSimulator()
    const url = new URL('/pic_wework/1/2/0', simulator.baseUrl)
    expect((await fetch(url)).status).toBe(404)
    expect(simulator.count()).toBe(0)
  })

  it('takes 5 bytes to 2 MB, and refuses one less with 40006, one more with 40009, none with 44001', async () => {
    expect(await codeOf({ content: jpg(5) })).toBe(0)
    expect(await codeOf({ content: jpg(4) })).toBe(40006)
    expect(await codeOf({ content: '' })).toBe(44001)
    expect(await codeOf({ content: png(2 * MiB) })).toBe(0)
    expect(await codeOf({ content: png(2 * MiB + 1) })).toBe(40009)
  })

  it('takes JPG and PNG by their bytes and refuses others with 40004, unless the switch is off', async () => {
    expect(await codeOf({ content: jpg(100) })).toBe(0)
    expect(await codeOf({ content: 'GIF89a and more' })).toBe(40004)
    const lenient = await startSimulator({ switches: { checkPermanentImage: false } })
    expect((await uploadimg(lenient, { content: 'GIF89a and more' })).json['errcode']).toBe(0)
  })

  it('takes any field name, and refuses a part without file name, or no multipart, with 44001', async () => {
    expect(await codeOf({ disposition: 'form-data; name="media"; filename="a.png"' })).toBe(0)
    expect(await codeOf({ disposition: 'form-data; filename="a.png"' })).toBe(0)
    expect(await codeOf({ disposition: 'form-data; name="media"' })).toBe(44001)
    expect(await codeOf({ contentType: 'application/octet-stream' })).toBe(44001)
  })

  it('refuses a bad token with its code, and a body without Content-Length with 412', async () => {
    expect(await codeOf({ token: 'made-up' })).toBe(40014)
    const simulator = await startSimulator()
    const socket = open(simulator)
    const body = multipart(png(100))
    socket.write('POST /cgi-bin/media/uploadimg HTTP/1.1\r\nHost: s\r\nConnection: close\r\n')
    socket.write(`Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`)
    socket.write(Buffer.concat([body, Buffer.from('\r\n0\r\n\r\n')]))
    expect(split(await untilEnd(socket)).head).toMatch(/^HTTP\/1\.1 412 /)
  })
})
