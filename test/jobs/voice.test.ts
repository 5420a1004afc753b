/** HD voice and uploads for other places than messages, over all parts. */

import { expect, test } from 'vitest'
import { account, bytesOf, deploy } from '../support/deployment.ts'
import { ffmpeg, hasFfmpeg } from '../support/ogg.ts'

test.runIf(hasFfmpeg)(
  'an HD voice becomes a file that ffmpeg decodes, or stays as the frames that came',
  async () => {
    const { simulator, producer, startHere } = await deploy()
    await startHere()
    const { mediaId } = await simulator.addMedia({ kind: 'speex', name: 'voice', sizeBytes: 60 * 150 })
    const wrapped = await producer.result(await producer.download({ mediaId, voice: 'speex' }))
    expect(wrapped).toMatchObject({ contentType: 'audio/ogg', durationMs: 3_000 })
    expect(wrapped.path).toMatch(/\.spx$/)
    const shown = ['-show_entries', 'stream=codec_name,sample_rate,channels', '-of', 'csv=p=0']
    expect(String(await ffmpeg('ffprobe', ...shown, wrapped.path)).trim()).toBe('speex,16000,1')
    const raw = await producer.result(await producer.download({ mediaId, voice: 'speex', container: 'raw' }))
    expect(raw).toMatchObject({ contentType: 'voice/speex', sizeBytes: 9_000, durationMs: 3_000 })
    expect(raw.path).toMatch(/\.speex$/)
    // Asked for as a whole, always.
    const asked = simulator.log({ method: 'media/get/jssdk' })
    expect(asked.map(({ range }) => range)).toEqual([undefined, undefined])
    expect((await bytesOf(wrapped)).includes((await bytesOf(raw)).subarray(0, 60))).toBe(true)
  },
)

test('a medium that is no HD voice, and bytes that are no frames, are said to be so', async () => {
  const { simulator, producer, startHere } = await deploy()
  await startHere()
  const { mediaId } = await simulator.addMedia({ name: 'a.bin', sizeBytes: 600 })
  const missing = await producer.download({ mediaId, voice: 'speex' })
  await expect(producer.result(missing)).rejects.toMatchObject({ kind: 'gone' })
  const odd = await simulator
    .addMedia({ kind: 'speex', contentBase64: Buffer.alloc(61).toString('base64') })
    .catch(() => undefined)
  if (odd) {
    const job = await producer.download({ mediaId: odd.mediaId, voice: 'speex' })
    await expect(producer.result(job)).rejects.toMatchObject({ kind: 'wrong-type' })
  }
  await expect(producer.download({ mediaId, container: 'raw' })).rejects.toMatchObject({ kind: 'invalid' })
})

test('a cut HD voice is fetched again', async () => {
  const { simulator, producer, startHere } = await deploy()
  await startHere()
  const { mediaId } = await simulator.addMedia({ kind: 'speex', sizeBytes: 60 * 100 })
  simulator.faults.add({ method: 'media/get/jssdk', do: 'cut-response', afterBytes: 3_000 })
  const { durationMs } = await producer.result(await producer.download({ mediaId, voice: 'speex' }), {
    timeoutMs: 15_000,
  })
  expect(durationMs).toBe(2_000)
})

test('an upload goes the way of the place that it is for, and the result says so', async () => {
  const { simulator, producer, startHere, put } = await deploy()
  const provider = { corpId: 'ww_provider', providerSecret: 'provider-secret-no-value' }
  simulator.directory.add({ providers: [provider] })
  await startHere({
    apps: {
      default: account,
      us: { kind: 'provider', corpId: provider.corpId, secret: provider.providerSecret },
    },
  })
  const path = await put('a.png', Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100)]))
  const source = { path }
  const moments = await producer.upload({ type: 'image', source, attachment: 'moments' })
  expect(await producer.result(moments)).toMatchObject({ attachment: 'moments', via: 'sync' })
  const album = await producer.upload({ type: 'image', source, attachment: 'product-album' })
  expect(await producer.result(album)).toMatchObject({ attachment: 'product-album' })
  const cashier = await producer.upload({ app: 'us', type: 'image', source, attachment: 'cashier' })
  expect(await producer.result(cashier)).toMatchObject({ attachment: 'cashier' })
  await producer.result(await producer.upload({ app: 'us', type: 'image', source }))
  expect(simulator.count({ method: 'media/upload_attachment', errcode: 0 })).toBe(2)
  expect(simulator.count({ method: 'service/media/upload', errcode: 0 })).toBe(2)
  const wrong = await producer.upload({ type: 'image', source, attachment: 'cashier' })
  await expect(producer.result(wrong)).rejects.toMatchObject({ kind: 'invalid' })
  const file = await producer.upload({ type: 'file', source, attachment: 'moments' })
  await expect(producer.result(file)).rejects.toMatchObject({ kind: 'wrong-type' })
})

test('an upload that is too large for this way is told of the other one', async () => {
  const { producer, startHere, put } = await deploy()
  await startHere()
  const path = await put('big.bin', Buffer.alloc(21 * 1024 * 1024))
  const job = await producer.upload({ type: 'file', source: { path } })
  await expect(producer.result(job)).rejects.toMatchObject({
    kind: 'too-big',
    message: expect.stringMatching(/media\.async-upload.*group-welcome/),
  })
})
