import { describe, expect, it } from 'vitest'
import { defaultApp, type Simulator } from '../../src/simulator/index.ts'
import { corpTokenOf, startProvider, tenant } from './providers.ts'
import { amr, mediaUrl, mp4, png, postFile, startSimulator, tokenOf } from './wire.ts'

const MiB = 1024 * 1024

interface Attachment {
  readonly query?: string
  readonly content?: Uint8Array | string
  readonly disposition?: string
  readonly token?: string
}

const attach = async (
  simulator: Simulator,
  { query = 'media_type=image&attachment_type=1', content = png(100), disposition, token }: Attachment = {},
) =>
  postFile(
    simulator,
    `media/upload_attachment?access_token=${token ?? (await tokenOf(simulator))}&${query}`,
    content,
    disposition,
  )

const codeOf = async (simulator: Simulator, attachment: Attachment): Promise<unknown> =>
  (await attach(simulator, attachment)).json['errcode']

describe('media/upload_attachment', () => {
  it('answers a media_id and created_at as a number, and logs the scene', async () => {
    const simulator = await startSimulator({ startMs: 1_380_000_000_900, frozen: true })
    const { json } = await attach(simulator)
    expect(json).toMatchObject({ errcode: 0, errmsg: 'ok', type: 'image', created_at: 1_380_000_000 })
    expect(json['media_id']).toMatch(/^1[\w-]{43}$/)
    expect(simulator.log({ method: 'media/upload_attachment' })).toMatchObject([
      { corp: defaultApp.corpId, mediaId: json['media_id'], attachmentType: 1, filename: 'a.txt' },
    ])
  })

  it('takes each type where its scene has it, and refuses a file for the moments with 41072', async () => {
    const simulator = await startSimulator()
    const contents = { image: png(100), video: mp4(100), file: 'some text' }
    for (const [type, content] of Object.entries(contents)) {
      const query = `media_type=${type}&attachment_type=`
      expect(await codeOf(simulator, { query: `${query}2`, content })).toBe(0)
      expect(await codeOf(simulator, { query: `${query}1`, content })).toBe(type === 'file' ? 41072 : 0)
    }
  })

  it.each([
    ['media_type=image', 41072],
    ['media_type=image&attachment_type=3', 41072],
    ['media_type=image&attachment_type=01', 41072],
    ['attachment_type=1', 40005],
    ['media_type=voice&attachment_type=1', 40005],
    ['type=image&attachment_type=1', 40005],
  ])('refuses %s with %i', async (query, code) => {
    expect(await codeOf(await startSimulator(), { query })).toBe(code)
  })

  it('refuses one byte too many with 41080, whatever the type', async () => {
    const simulator = await startSimulator()
    const cases = { image: png(10 * MiB), video: mp4(10 * MiB), file: Buffer.alloc(20 * MiB) }
    for (const [type, content] of Object.entries(cases)) {
      const query = `media_type=${type}&attachment_type=2`
      expect(await codeOf(simulator, { query, content })).toBe(0)
      expect(await codeOf(simulator, { query, content: Buffer.concat([content, Buffer.alloc(1)]) })).toBe(
        41080,
      )
    }
  })

  it('refuses content that does not fit', async () => {
    const simulator = await startSimulator()
    const video = 'media_type=video&attachment_type=1'
    expect(await codeOf(simulator, { query: video, content: 'not an mp4 at all' })).toBe(41090)
    expect(await codeOf(simulator, { content: amr(10) })).toBe(40123)
    expect(await codeOf(simulator, { content: '' })).toBe(44001)
    expect(await codeOf(simulator, { content: '12345' })).toBe(40006)
    expect(await codeOf(simulator, { disposition: 'form-data; name="file"; filename="a.png"' })).toBe(44001)
  })

  it('needs 客户联系: 48002 without it, before anything else is looked at', async () => {
    const app = { corpId: 'ww_poor', secret: 'poor', permissions: [] }
    const simulator = await startProvider({
      apps: [app],
      tenants: [tenant, { ...tenant, corpId: 'ww_poor_tenant', permissions: [] }],
    })
    const token = await tokenOf(simulator, app)
    expect(await codeOf(simulator, { token })).toBe(48002)
    expect(await codeOf(simulator, { token, query: '' })).toBe(48002)
    expect(await codeOf(simulator, { token: 'made-up' })).toBe(40014)
    expect(await codeOf(simulator, { token: await corpTokenOf(simulator) })).toBe(0)
  })

  it('makes a medium that media/get serves, unless the switch says otherwise', async () => {
    for (const getAttachments of [true, false]) {
      const simulator = await startSimulator({ switches: { getAttachments } })
      const { json } = await attach(simulator)
      const answer = await fetch(await mediaUrl(simulator, String(json['media_id'])))
      expect(answer.headers.get('error-code')).toBe(getAttachments ? null : '40007')
    }
  })

  it.each([
    'media/upload_attachment',
    'service/media/upload',
  ])('%s refuses a body without Content-Length', async method => {
    const simulator = await startSimulator()
    const body = new Blob(['some bytes']).stream()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const answer = await fetch(`${simulator.baseUrl}/${method}`, init)
    expect([answer.status, await answer.text()]).toEqual([412, ''])
  })
})
