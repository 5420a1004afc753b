import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/index.ts'
import { provider, providerTokenOf, startProvider } from './providers.ts'
import { mp4, png, postFile } from './wire.ts'

const MiB = 1024 * 1024

const send = async (
  simulator: Simulator,
  { query = 'type=file', filename = 'a.txt', content = 'some text' as Uint8Array | string, token = '' } = {},
) =>
  postFile(
    simulator,
    `service/media/upload?provider_access_token=${token || (await providerTokenOf(simulator))}&${query}`,
    content,
    `form-data; name="media"; filename="${filename}"`,
  )

const codeOf = async (simulator: Simulator, options: Parameters<typeof send>[1]): Promise<unknown> =>
  (await send(simulator, options)).json['errcode']

describe('service/media/upload', () => {
  it("takes a provider's file and answers as media/upload does", async () => {
    const simulator = await startProvider({ startMs: 1_380_000_000_000, frozen: true })
    const { json } = await send(simulator)
    expect(json).toMatchObject({ errcode: 0, errmsg: '', type: 'file', created_at: '1380000000' })
    expect(json['media_id']).toMatch(/^1[\w-]{43}$/)
    const [call] = simulator.log({ method: 'service/media/upload' })
    expect(call).toMatchObject({ corp: provider.corpId, mediaId: json['media_id'], filename: 'a.txt' })
    expect(call).not.toHaveProperty('attachmentType')
  })

  it('takes attachment_type 3, and refuses every other with 41072', async () => {
    const simulator = await startProvider()
    expect(await codeOf(simulator, { query: 'type=file&attachment_type=3' })).toBe(0)
    expect(simulator.log({ method: 'service/media/upload' })).toMatchObject([{ attachmentType: 3 }])
    for (const type of ['1', '2', '', '03'])
      expect(await codeOf(simulator, { query: `type=file&attachment_type=${type}` })).toBe(41072)
  })

  it.each([
    ['/a.txt', 40058],
    ['a:b.txt', 40058],
    ['a\\b.txt', 40058],
    ['dir/a.txt', 0],
    ['中文 名.txt', 0],
  ])('answers the name %s with %i', async (filename, code) => {
    expect(await codeOf(await startProvider(), { filename })).toBe(code)
  })

  it('has the types and sizes of media/upload', async () => {
    const simulator = await startProvider()
    expect(await codeOf(simulator, { query: 'type=image', content: png(100) })).toBe(0)
    expect(await codeOf(simulator, { query: 'type=image', content: png(10 * MiB + 1) })).toBe(40009)
    expect(await codeOf(simulator, { query: 'type=video', content: mp4(100) })).toBe(0)
    expect(await codeOf(simulator, { query: 'type=audio' })).toBe(40005)
    expect(await codeOf(simulator, { query: 'media_type=file' })).toBe(40005)
  })

  it('asks for a living provider token', async () => {
    const simulator = await startProvider({ frozen: true })
    const token = await providerTokenOf(simulator)
    expect(await codeOf(simulator, { token: 'made-up' })).toBe(40014)
    const missing = await postFile(simulator, 'service/media/upload?type=file', 'some text')
    expect(missing.json['errcode']).toBe(41001)
    simulator.advance(7_200_000)
    expect(await codeOf(simulator, { token })).toBe(42001)
  })
})
