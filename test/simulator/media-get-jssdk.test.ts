import { describe, expect, it } from 'vitest'
import { defaultApp, type MediumSpec, type Simulator, seededBytes } from '../../src/simulator/index.ts'
import { getJson, mediaUrl, startSimulator, tokenOf, upload } from './wire.ts'

const hourMs = 3_600_000

const hdUrl = async (simulator: Simulator, mediaId: string, app = defaultApp): Promise<string> =>
  `${simulator.baseUrl}/media/get/jssdk?access_token=${await tokenOf(simulator, app)}&media_id=${mediaId}`

const urlOf = async (simulator: Simulator, spec: MediumSpec): Promise<string> =>
  hdUrl(simulator, (await simulator.addMedia(spec)).mediaId)

const codeOf = async (url: string): Promise<unknown> => (await getJson(url)).json['errcode']

describe('media/get/jssdk', () => {
  it('answers raw frames as voice/speex, with name and length', async () => {
    const simulator = await startSimulator()
    const response = await fetch(
      await urlOf(simulator, { kind: 'speex', sizeBytes: 3000, seed: 4, name: 'v' }),
    )
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('voice/speex')
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; .*filename="v"$/)
    expect(response.headers.get('content-length')).toBe('3000')
    expect(Buffer.from(await response.arrayBuffer()).equals(seededBytes(4, 0, 3000))).toBe(true)
    expect(simulator.log({ method: 'media/get/jssdk' })).toMatchObject([
      { status: 200, bytesOut: 3000, corp: defaultApp.corpId, mediaId: expect.any(String) },
    ])
  })

  it('answers whole whatever Range asks for', async () => {
    const simulator = await startSimulator()
    const frame = Buffer.alloc(60, 5)
    const url = await urlOf(simulator, { kind: 'speex', contentBase64: frame.toString('base64') })
    for (const range of ['bytes=0-15', 'bytes=60-', 'bytes=1000-2000']) {
      const response = await fetch(url, { headers: { Range: range } })
      expect(response.status).toBe(200)
      expect(response.headers.has('content-range')).toBe(false)
      expect(Buffer.from(await response.arrayBuffer()).equals(frame)).toBe(true)
    }
  })

  it('refuses every medium that did not come from JS-SDK with 40007', async () => {
    const simulator = await startSimulator()
    const { json } = await upload(simulator)
    expect(await codeOf(await hdUrl(simulator, String(json['media_id'])))).toBe(40007)
    expect(await codeOf(await urlOf(simulator, { contentType: 'voice/speex', sizeBytes: 60 }))).toBe(40007)
    expect(await codeOf(await urlOf(simulator, { kind: 'async', sizeBytes: 60 }))).toBe(40007)
  })

  it("refuses an old one, another corp's and an unknown one with 40007, and none with 41006", async () => {
    const other = { corpId: 'ww_other', secret: 'other' }
    const simulator = await startSimulator({ apps: [defaultApp, other], frozen: true })
    const { mediaId } = await simulator.addMedia({ kind: 'speex', sizeBytes: 60 })
    expect(await codeOf(await hdUrl(simulator, mediaId, other))).toBe(40007)
    expect(await codeOf(await hdUrl(simulator, 'unknown'))).toBe(40007)
    expect(await codeOf(await hdUrl(simulator, ''))).toBe(41006)
    simulator.advance(72 * hourMs)
    expect(await codeOf(await hdUrl(simulator, mediaId))).toBe(40007)
  })

  it('hands the same voice to media/get too', async () => {
    const simulator = await startSimulator()
    const { mediaId } = await simulator.addMedia({ kind: 'speex', sizeBytes: 120 })
    expect((await fetch(await mediaUrl(simulator, mediaId))).status).toBe(200)
  })

  it.each([
    { kind: 'speex', sizeBytes: 61 },
    { kind: 'speex', contentBase64: 'AAAA' },
  ] as const)('takes no voice that is not whole frames: %o', async spec => {
    const simulator = await startSimulator()
    await expect(simulator.addMedia(spec)).rejects.toThrow('in frames of 60 bytes')
  })
})
