import { describe, expect, it } from 'vitest'
import { defaultApp, type MediumSpec, type Simulator, seededBytes } from '../../src/simulator/index.ts'
import { getJson, mediaUrl, png, rawGet, split, startSimulator, tokenOf, upload } from './wire.ts'

const MiB = 1024 * 1024
const hourMs = 3_600_000

const urlOf = async (simulator: Simulator, spec: MediumSpec): Promise<string> =>
  mediaUrl(simulator, (await simulator.addMedia(spec)).mediaId)

const slice = (url: string, range: string): Promise<Response> => fetch(url, { headers: { Range: range } })

const codeOf = async (answer: Promise<Response>): Promise<unknown> => {
  const { errcode } = (await (await answer).json()) as { errcode: unknown }
  return errcode
}

describe('media/get', () => {
  it('brings back what was uploaded, with the name in both forms and as raw UTF-8 on the wire', async () => {
    const simulator = await startSimulator()
    const content = png(70_000)
    const disposition = 'form-data; name="media"; filename="图 片.png"'
    const { json } = await upload(simulator, { type: 'image', content, disposition, partType: 'image/jpg' })
    const { head, body } = split(await rawGet(simulator, await mediaUrl(simulator, String(json['media_id']))))
    expect(body.equals(content)).toBe(true)
    expect(Buffer.from(head, 'latin1').toString('utf8').split('\r\n')).toEqual(
      expect.arrayContaining([
        'HTTP/1.1 200 OK',
        'Content-Type: image/png',
        `Content-disposition: attachment; filename*=utf-8''%E5%9B%BE%20%E7%89%87.png; filename="图 片.png"`,
        'Cache-Control: no-cache, must-revalidate',
        'Content-Length: 70000',
        'Connection: close',
      ]),
    )
    expect(head).not.toMatch(/error-code/i)
    expect(simulator.log({ method: 'media/get' })).toMatchObject([
      { status: 200, bytesOut: 70_000, mediaId: json['media_id'], state: 'done', aborted: false },
    ])
  })

  it('keeps the type that a file was uploaded with, even JSON that looks like a refusal', async () => {
    const simulator = await startSimulator()
    const content = '{"errcode":40007,"errmsg":"a file of a user"}'
    const { json } = await upload(simulator, { content, partType: 'application/json' })
    const response = await fetch(await mediaUrl(simulator, String(json['media_id'])))
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.text()).toBe(content)
  })

  it('answers a slice with 206 and its place', async () => {
    const simulator = await startSimulator()
    const response = await slice(await urlOf(simulator, { sizeBytes: 2048, seed: 7 }), 'bytes=1000-1023')
    expect(response.status).toBe(206)
    expect(response.headers.get('accept-ranges')).toBe('bytes')
    expect(response.headers.get('content-range')).toBe('bytes 1000-1023/2048')
    expect(response.headers.get('content-length')).toBe('24')
    expect(Buffer.from(await response.arrayBuffer()).equals(seededBytes(7, 1000, 24))).toBe(true)
    expect(simulator.log({ method: 'media/get' })[0]?.range).toBe('bytes=1000-1023')
  })

  it('ends a slice at the end of the file, serves an open one, and refuses one behind the end with 416', async () => {
    const simulator = await startSimulator()
    const url = await urlOf(simulator, { sizeBytes: 100 })
    expect((await slice(url, 'bytes=90-999')).headers.get('content-range')).toBe('bytes 90-99/100')
    expect((await slice(url, 'bytes=40-')).headers.get('content-range')).toBe('bytes 40-99/100')
    const behind = await slice(url, 'bytes=100-200')
    expect([behind.status, behind.headers.get('content-range')]).toEqual([416, 'bytes */100'])
  })

  it('takes undocumented forms of Range as none', async () => {
    const simulator = await startSimulator()
    const url = await urlOf(simulator, { sizeBytes: 100 })
    for (const range of ['bytes 0-9', 'bytes=-5', 'bytes=9-0', 'bytes=0-1,3-4', 'items=0-1']) {
      expect((await slice(url, range)).status, range).toBe(200)
    }
  })

  it('refuses more than 20 MiB at once with 830002, whole or as a slice', async () => {
    const simulator = await startSimulator()
    const big = await urlOf(simulator, { kind: 'async', sizeBytes: 20 * MiB + 1 })
    expect(await codeOf(fetch(big))).toBe(830002)
    expect(await codeOf(slice(big, `bytes=0-${20 * MiB}`))).toBe(830002)
    expect((await slice(big, `bytes=0-${20 * MiB - 1}`)).status).toBe(206)
    expect((await fetch(await urlOf(simulator, { sizeBytes: 20 * MiB }))).status).toBe(200)
    const strict = await startSimulator({ switches: { maxGetBytes: 10 } })
    expect(await codeOf(fetch(await urlOf(strict, { sizeBytes: 11 })))).toBe(830002)
  })

  it('refuses slices of an encrypted medium that are no multiple of 16 bytes, but for the last', async () => {
    const simulator = await startSimulator()
    const url = await urlOf(simulator, { sizeBytes: 1000, encrypted: true })
    expect(await codeOf(slice(url, 'bytes=0-99'))).toBe(830002)
    expect((await slice(url, 'bytes=0-95')).status).toBe(206)
    expect((await slice(url, 'bytes=990-999')).status).toBe(206)
    expect((await fetch(url)).status).toBe(200)
  })

  it('refuses a missing media_id with 41006 and an unknown one with 40007', async () => {
    const simulator = await startSimulator()
    const token = await tokenOf(simulator)
    const missing = await getJson(`${simulator.baseUrl}/media/get?access_token=${token}`)
    expect(missing.json['errcode']).toBe(41006)
    const unknown = await getJson(await mediaUrl(simulator, 'unknown'))
    expect(unknown.json['errcode']).toBe(40007)
    expect(unknown.headers.get('error-code')).toBe('40007')
  })

  it('forgets a medium 72 hours after its created_at', async () => {
    const simulator = await startSimulator({ startMs: 1_700_000_000_000, frozen: true })
    const { json } = await upload(simulator)
    simulator.advance(72 * hourMs - 1)
    expect((await fetch(await mediaUrl(simulator, String(json['media_id'])))).status).toBe(200)
    simulator.advance(1)
    expect(await codeOf(fetch(await mediaUrl(simulator, String(json['media_id']))))).toBe(40007)
  })

  it('serves a medium to all apps of its corp and to no other corp', async () => {
    const sibling = { corpId: defaultApp.corpId, secret: 'sibling' }
    const stranger = { corpId: 'ww_stranger', secret: 'stranger' }
    const simulator = await startSimulator({ apps: [defaultApp, sibling, stranger] })
    const { json } = await upload(simulator)
    const mediaId = String(json['media_id'])
    expect((await fetch(await mediaUrl(simulator, mediaId, sibling))).status).toBe(200)
    expect(await codeOf(fetch(await mediaUrl(simulator, mediaId, stranger)))).toBe(40007)
  })

  it('tells its switches: kept-alive connections, codes on files, uploads stored encrypted', async () => {
    const simulator = await startSimulator({
      switches: { closeAfterFile: false, errorCodeOnFiles: true, encryptUploads: true },
    })
    const { json } = await upload(simulator, { content: 'more than sixteen bytes' })
    const url = await mediaUrl(simulator, String(json['media_id']))
    const response = await fetch(url)
    expect(response.headers.get('error-code')).toBe('0')
    expect(response.headers.get('connection')).toBe('keep-alive')
    expect(await codeOf(slice(url, 'bytes=0-14'))).toBe(830002)
  })
})

describe('a medium that was added', () => {
  it('needs no upload, whatever its size, and every byte is known', async () => {
    const simulator = await startSimulator()
    const { mediaId, sha256 } = await simulator.addMedia({ kind: 'async', sizeBytes: 60 * MiB, seed: 3 })
    expect(mediaId).toMatch(/^3\*1\*[\w-]{43}$/)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    const response = await slice(await mediaUrl(simulator, mediaId), `bytes=${40 * MiB + 5}-${60 * MiB}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.equals(seededBytes(3, 40 * MiB + 5, 20 * MiB - 5))).toBe(true)
  })

  it('can have any content, type, age and Content-disposition', async () => {
    const simulator = await startSimulator({ frozen: true })
    const spec = { contentBase64: Buffer.from('hello').toString('base64'), contentType: 'voice/amr\r\n' }
    const url = await urlOf(simulator, { ...spec, disposition: 'attachment; filename=""' })
    const { head, body } = split(await rawGet(simulator, url))
    expect(body.toString()).toBe('hello')
    expect(head).toContain('Content-Type: voice/amr__\r\n')
    expect(head).toContain('Content-disposition: attachment; filename=""\r\n')
    const old = await urlOf(simulator, { ...spec, createdAtMs: simulator.clock.nowMs() - 72 * hourMs })
    expect(await codeOf(fetch(old))).toBe(40007)
  })

  it('escapes a hostile name instead of breaking the header', async () => {
    const simulator = await startSimulator()
    const { head } = split(
      await rawGet(simulator, await urlOf(simulator, { sizeBytes: 1, name: 'a"b\\c\r\nX: y\ud800' })),
    )
    expect(head).toContain(
      `attachment; filename*=utf-8''a%22b%5Cc%0D%0AX%3A%20y%EF%BF%BD; filename="a\\"b\\\\c__X: y\xef\xbf\xbd"`,
    )
  })
})
