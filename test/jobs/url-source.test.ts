/** Sources behind URLs over all parts: brought here under the guard, checked like files, gone afterwards. */

import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'
import { startFileOrigin } from '../support/file-origin.ts'

const png = (sizeBytes: number) =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(sizeBytes - 8, 7)])

async function setUp(env: Readonly<Record<string, string>> = {}) {
  const files = await startFileOrigin()
  const web = {
    WECOM_MEDIA_URLS: '127.0.0.1',
    WECOM_MEDIA_URL_PORTS: String(files.port),
    WECOM_MEDIA_URL_NETS: '127.0.0.1/32',
  }
  const deployment = await deploy({ env: { ...web, ...env } })
  await deployment.startHere()
  return { ...deployment, files }
}

test('an image behind a URL is uploaded under its name, as a medium and as a permanent image', async () => {
  const { producer, simulator, files, downloads } = await setUp()
  const url = files.put('/图片/logo 1.png', png(5_000))
  const { mediaId, name, sizeBytes } = await producer.result(
    await producer.upload({ type: 'image', source: { url } }),
  )
  expect({ name, sizeBytes }).toEqual({ name: 'logo 1.png', sizeBytes: 5_000 })
  expect(simulator.log({ method: 'media/upload' })).toMatchObject([{ mediaId, filename: 'logo 1.png' }])
  await producer.result(await producer.uploadImage({ source: { url } }))
  expect(simulator.count({ method: 'media/uploadimg', errcode: 0 })).toBe(1)
  expect(await readdir(downloads)).toEqual([])
})

test('what is behind a URL is checked like a file, and nothing is left of it', async () => {
  const { producer, simulator, files, downloads } = await setUp()
  const end = async (url: string, type: 'image' | 'file' = 'image') =>
    producer.result(await producer.upload({ type, source: { url } }), { timeoutMs: 15_000 })
  await expect(end(files.put('/a.png', Buffer.from('no picture at all')))).rejects.toMatchObject({
    kind: 'wrong-type',
  })
  await expect(end(files.put('/b.bin', Buffer.alloc(21 * 1024 * 1024)), 'file')).rejects.toMatchObject({
    kind: 'too-big',
    message: expect.stringContaining('media.async-upload'),
  })
  await expect(end(files.put('/c.png', Buffer.alloc(0)))).rejects.toMatchObject({ kind: 'invalid' })
  await expect(end(files.url('/none.png'))).rejects.toMatchObject({ kind: 'not-found' })
  await expect(end('http://169.254.169.254/latest/meta-data')).rejects.toMatchObject({
    kind: 'forbidden-address',
  })
  await expect(end(`http://localhost:${files.port}/a.png`)).rejects.toMatchObject({
    kind: 'forbidden-address',
  })
  expect(simulator.count({ method: 'media/upload' })).toBe(0)
  expect(await readdir(downloads)).toEqual([])
})

test('no URL is fetched unless the operator has allowed it', async () => {
  const { producer, files } = await setUp({ WECOM_MEDIA_URLS: 'off' })
  const job = await producer.upload({ type: 'image', source: { url: files.put('/a.png', png(100)) } })
  await expect(producer.result(job)).rejects.toMatchObject({
    kind: 'forbidden-address',
    message: expect.stringContaining('WECOM_MEDIA_URLS'),
  })
  expect(files.asked).toEqual([])
})
