/** The other ways of the platform from the command line: permanent images, articles, async uploads, URLs, attachments, HD voice. */

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Deployment, deploy } from '../support/deployment.ts'
import { type FileOrigin, startFileOrigin } from '../support/file-origin.ts'
import { tempDir } from '../support/temp.ts'
import { envOf, failure, type Line, runMany, type Said } from './cli.ts'

const demo = join(import.meta.dirname, '../../demo')
const photo = await readFile(join(demo, 'photo.jpg'))
const logo = await readFile(join(demo, 'logo.png'))
const frames = await readFile(join(demo, 'voice-hd.speex'))
const md5 = createHash('md5').update(photo).digest('hex')

let there: Deployment
let origin: FileOrigin
let cwd: string
/** With URLs of the origin allowed. */
let env: Line['env']
beforeAll(async () => {
  there = await deploy()
  origin = await startFileOrigin()
  cwd = await tempDir()
  for (const [name, content] of Object.entries({ 'photo.jpg': photo, 'logo.png': logo }))
    await writeFile(join(cwd, name), content)
  env = {
    ...envOf(there),
    ...{ WECOM_MEDIA_ROOTS: undefined, WECOM_MEDIA_DOWNLOADS: undefined },
    ...{ WECOM_MEDIA_URLS: '127.0.0.1', WECOM_MEDIA_URL_NETS: '127.0.0.0/8' },
    WECOM_MEDIA_URL_PORTS: String(origin.port),
  }
})

const here = (args: readonly string[], more: Line['env'] = {}): Line => ({
  args: [...args, '--here'],
  cwd,
  env: { ...env, ...more },
})
/** One after the other, in one process. */
const all = async <const L extends readonly Line[]>(...lines: L) =>
  (await runMany(lines)) as unknown as { [K in keyof L]: Said }
const count = (method: string) => there.simulator.count({ method })
const bytesAt = async (url: unknown) => Buffer.from(await (await fetch(String(url))).arrayBuffer())

describe('here, in one process', () => {
  test('a permanent image, from a path and from a URL, costs a call each', async () => {
    const url = origin.put('/images/logo.png', logo)
    const [path, web] = await all(here(['upload-image', 'photo.jpg']), here(['upload-image', url]))
    expect(path).toMatchObject({ code: 0, object: { name: 'photo.jpg', sizeBytes: photo.length } })
    expect(web).toMatchObject({ code: 0, object: { name: 'logo.png', sizeBytes: logo.length } })
    expect((await bytesAt(path.object['url'])).equals(photo)).toBe(true)
    expect((await bytesAt(web.object['url'])).equals(logo)).toBe(true)
    expect(count('media/uploadimg')).toBe(2)
  })

  test('temporary media from a URL, and for one use only', async () => {
    const url = origin.put('/a/照片.jpg', photo)
    const [web, moments, album] = await all(
      here(['upload', 'image', url]),
      here(['upload', 'image', 'photo.jpg', '--attachment', 'moments']),
      here(['upload', 'file', 'photo.jpg', '--attachment', 'moments']),
    )
    expect(web).toMatchObject({ code: 0, object: { name: '照片.jpg', via: 'sync' } })
    expect(moments).toMatchObject({ code: 0, object: { attachment: 'moments' } })
    expect(failure(album)).toMatchObject({ code: 1, kind: 'wrong-type' })
    expect([count('media/upload'), count('media/upload_attachment')]).toEqual([1, 1])
  })

  test('an article: into a folder under its own name, into a file, or where downloads go', async () => {
    await mkdir(join(cwd, 'out'))
    const html = '<p><img src="photo.jpg"><img src="./photo.jpg"></p>'
    await writeFile(join(cwd, 'news.html'), html)
    const [folder, file, plain] = await all(
      here(['article', 'news.html', '--no-reuse', '-o', 'out']),
      here(['article', 'news.html', '--no-reuse', '-o', 'out/other.html']),
      here(['article', 'news.html', '--no-reuse']),
    )
    for (const said of [folder, file, plain]) {
      expect(said.code).toBe(0)
      const images = said.object['images'] as { as: string; url: string }[]
      expect(images.map(({ as }) => as)).toEqual(['uploaded', 'repeated'])
      const [first] = images
      const rewritten = await readFile(String(said.object['path']), 'utf8')
      expect(rewritten).toBe(html.replaceAll(/(\.\/)?photo\.jpg/g, first?.url ?? ''))
    }
    expect((await readdir(join(cwd, 'out'))).toSorted()).toEqual(['news.html', 'other.html'])
    expect(folder.object['path']).toBe(join(cwd, 'out/news.html'))
    expect(plain.object['path']).toMatch(new RegExp(`^${cwd}/downloads/[A-Z0-9]+\\.html$`))
    expect(await readFile(join(cwd, 'news.html'), 'utf8')).toBe(html)
  })

  test('an article with a broken image fails and names it, or keeps it with --keep', async () => {
    await writeFile(join(cwd, 'broken.html'), '<img src="photo.jpg"><img src="missing.jpg">')
    const [fails, keeps] = await all(
      here(['article', 'broken.html', '-o', 'never.html']),
      here(['article', 'broken.html', '-o', 'kept.html', '--keep', '--no-reuse']),
    )
    expect(failure(fails)).toEqual({
      code: 1,
      kind: 'not-found',
      message: expect.stringContaining('missing.jpg'),
    })
    expect(keeps.object).toMatchObject({
      images: [{ as: 'uploaded' }, { as: 'kept', src: 'missing.jpg', fault: { kind: 'not-found' } }],
    })
    expect(await readFile(join(cwd, 'kept.html'), 'utf8')).toContain('src="missing.jpg"')
    expect(await readdir(cwd)).not.toContain('never.html')
  })

  test('an async upload is found by asking, as nothing listens here', async () => {
    const url = origin.put('/talk.bin', photo)
    const [said] = await all(
      here(['async-upload', 'file', url, '--name', '讲座.bin', '--md5', md5.toUpperCase()]),
    )
    const usableFor = ['media/get', 'group-welcome']
    expect(said).toMatchObject({ code: 0, object: { name: '讲座.bin', via: 'async', md5, usableFor } })
    expect(said.lines).toEqual([expect.stringMatching(/^waiting until .*fetching/)])
    expect(count('media/upload_by_url')).toBe(1)
  })

  test('HD voice comes as Ogg Speex, or with --raw as the frames that they are', async () => {
    const contentBase64 = frames.toString('base64')
    const { mediaId } = await there.simulator.addMedia({ kind: 'speex', contentBase64 })
    const [ogg, raw] = await all(
      here(['download', mediaId, '--voice', 'speex', '-o', 'voice.spx']),
      here(['download', mediaId, '--voice', 'speex', '--raw', '-o', 'voice.speex']),
    )
    const durationMs = (frames.length / 60) * 20
    for (const said of [ogg, raw]) expect(said).toMatchObject({ code: 0, object: { durationMs } })
    expect((await readFile(join(cwd, 'voice.spx'))).subarray(0, 4).toString()).toBe('OggS')
    expect((await readFile(join(cwd, 'voice.speex'))).equals(frames)).toBe(true)
  })

  test('a URL that may not be fetched ends before anything is started, and names the setting', async () => {
    const url = origin.put('/secret.jpg?token=hidden', photo)
    const before = origin.asked.length
    // No Redis is there, and none is asked for.
    const nothing = { REDIS_URL: 'redis://127.0.0.1:9', WECOM_MEDIA_URLS: undefined }
    const other = { ...nothing, WECOM_MEDIA_URLS: 'media.example.com' }
    const lines = [
      here(['upload', 'image', url], nothing),
      here(['upload-image', url], other),
      here(['article', url], nothing),
      here(['async-upload', 'file', url, '--name', 'a'], other),
    ]
    for (const said of await runMany(lines)) {
      const told = failure(said)
      expect(told).toMatchObject({ code: 1, kind: 'forbidden-address' })
      expect(told.message).toContain('WECOM_MEDIA_URLS')
      expect(told.message).not.toContain('hidden')
    }
    expect(origin.asked).toHaveLength(before)
  })
})

test('over the queue: the id at once, the same key is the same job, and the worker decides', async () => {
  const its = await deploy()
  await its.put('photo.jpg', photo)
  const rest = { env: envOf(its), cwd: its.root }
  const image = ['upload-image', 'photo.jpg', '--key', 'one']
  const [queued] = await all({ args: [...image, '--no-wait'], ...rest })
  expect(queued.object).toEqual({ id: expect.any(String), name: 'media.upload-image' })
  await its.startHere()
  const [done, refused] = await all(
    { args: image, ...rest },
    { args: ['async-upload', 'video', 'http://127.0.0.1:1/a', '--name', 'a'], ...rest },
  )
  expect(done.object['url']).toBe(
    ((await its.producer.result(String(queued.object['id']))) as { url: string }).url,
  )
  expect(its.simulator.count({ method: 'media/uploadimg' })).toBe(1)
  expect(failure(refused)).toMatchObject({ code: 1, kind: 'forbidden-address' })
})
