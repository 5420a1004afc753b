/** media.article: each image of a document once through media/uploadimg, a unit for each call, and the document otherwise untouched. */

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createAdmin } from '../../src/queues/admin.ts'
import { type Deployment, type DeploymentOptions, deploy, lockMs, stalledMs } from '../support/deployment.ts'
import { startFileOrigin } from '../support/file-origin.ts'
import { head, send, startOrigin } from '../support/origin.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'

const png = (sizeBytes = 500): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(sizeBytes - 8)])
const dataUri = (bytes: Buffer, type = 'png'): string =>
  `data:image/${type};base64,${bytes.toString('base64')}`
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** A deployment that may fetch from loopback. */
const withWeb = (port: number): DeploymentOptions => ({
  env: {
    WECOM_MEDIA_URLS: '127.0.0.1',
    WECOM_MEDIA_URL_PORTS: String(port),
    WECOM_MEDIA_URL_NETS: '127.0.0.0/8',
  },
})

const recovery = { timeoutMs: lockMs + 2 * stalledMs + 10_000 }

/** Unit ids that count today. */
const units = async ({ redis, namespace }: Deployment): Promise<string[]> => {
  const keys = await redis.keys(`${namespace}:limit:*`)
  const sets = await Promise.all(
    keys.map(async key => ((await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : [])),
  )
  return sets.flat().filter(member => /^\w+:\d+$/.test(member))
}

const uploads = ({ simulator }: Deployment) => simulator.log({ method: 'media/uploadimg' })

const bytesAt = async (url: string): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer())

/** Files `0.png` … and a document that shows them. */
const manyImages = async (it: Deployment, count: number): Promise<string> => {
  const names = Array.from({ length: count }, (_, i) => `${i}.png`)
  for (const name of names) await it.put(name, png())
  return names.map(name => `<p><img src="${name}"></p>\r\n`).join('')
}

test('images from a path, a URL and a data URI become permanent, and nothing else of the document changes', async () => {
  const [local, remote, inline] = [png(), png(), png()]
  const web = await startFileOrigin()
  const it = await deploy(withWeb(web.port))
  await it.startHere()
  await it.put('图 1.png', local)
  const url = web.put('/b.png', remote)
  const html = (a: string, b: string, c: string) =>
    `\uFEFF<h1>标题</h1>\r\n<p><IMG alt="x" ${a}>text<br><img ${b}/><!-- <img src=no.png> -->\n<table><img width=1 ${c}>`
  const job = await it.producer.article({
    html: html("SRC='%E5%9B%BE 1.png'", `src="${url}?a=1&amp;b=2"`, `src=${dataUri(inline)}`),
  })
  const result = await it.producer.result(job, { timeoutMs: 5_000 })
  expect(result.images).toEqual([
    { src: '%E5%9B%BE 1.png', as: 'uploaded', url: expect.any(String), sizeBytes: 500 },
    { src: url, as: 'uploaded', url: expect.any(String), sizeBytes: 500 },
    { src: 'data:image/png (500 bytes)', as: 'uploaded', url: expect.any(String), sizeBytes: 500 },
  ])
  const [a = '', b = '', c = ''] = result.images.map(image => image.url)
  expect(result).toMatchObject({ html: html(`src="${a}"`, `src="${b}"`, `src="${c}"`) })
  expect(result.path).toBeUndefined()
  expect(await Promise.all([a, b, c].map(bytesAt))).toEqual([local, remote, inline])
  expect((await units(it)).toSorted()).toEqual([0, 1, 2].map(n => `${job.id}:${n}`))
})

test('a document in a file has its paths beside it, and becomes a file of its own', async () => {
  const it = await deploy()
  await it.startHere()
  await mkdir(join(it.root, 'news/img'), { recursive: true })
  const [near, up] = [png(), png()]
  await it.put('news/img/a.png', near)
  await it.put('logo.png', up)
  await it.put('news/文章.html', '\uFEFF<img src="img/a.png">\r\n<img src="../logo.png?v=2"> 中文')
  for (const source of [{ path: 'news/文章.html' }, { path: join(it.root, 'news/文章.html') }]) {
    const job = await it.producer.article({ source })
    const { path = '', html, images } = await it.producer.result(job, { timeoutMs: 5_000 })
    expect([path, html]).toEqual([join(it.downloads, `${job.id}.html`), undefined])
    const [a = '', b = ''] = images.map(image => image.url)
    expect(await Promise.all([a, b].map(bytesAt))).toEqual([near, up])
    expect(await readFile(path, 'utf8')).toBe(`\uFEFF<img src="${a}">\r\n<img src="${b}"> 中文`)
  }
  expect((await readdir(it.downloads)).filter(name => !name.endsWith('.html'))).toEqual([])
})

test('a document from a URL has its paths on that site, and may not name files of this host', async () => {
  const web = await startFileOrigin()
  const it = await deploy(withWeb(web.port))
  await it.startHere()
  const secret = await it.put('secret.png', png())
  const [page, top] = [png(), png()]
  web.put('/news/a.png', page)
  web.put(secret, top)
  const source = {
    url: web.put(
      '/news/x.html',
      Buffer.from(`<img src=a.png><img src="${secret}"><img src="file://${secret}">`),
    ),
  }
  const job = await it.producer.article({ source, onFailure: 'keep' })
  const { images } = await it.producer.result(job, { timeoutMs: 5_000 })
  expect(images.map(image => image.fault?.kind)).toEqual([undefined, undefined, 'forbidden-address'])
  expect(uploads(it).map(call => call.sha256)).toEqual([sha256(page), sha256(top)])
})

test('the same image twice is one call, by its source and by its bytes', async () => {
  const it = await deploy()
  await it.startHere()
  const content = png()
  await it.put('a.png', content)
  await it.put('b.png', content)
  const job = await it.producer.article({
    html: `<img src=a.png><img src="a.png"><img src=b.png><img src="${dataUri(content)}"><img src=./a.png>`,
  })
  const { html, images } = await it.producer.result(job, { timeoutMs: 5_000 })
  const url = images[0]?.url
  expect(images.map(image => [image.as, image.url])).toEqual([
    ['uploaded', url],
    ...Array.from({ length: 3 }, () => ['repeated', url]),
  ])
  expect(html).toBe(`<img src="${url}">`.repeat(5))
  expect(uploads(it)).toHaveLength(1)
  expect(await units(it)).toEqual([`${job.id}:0`])
})

test('an article with 100 images makes 100 calls and spends 100 units', async () => {
  const it = await deploy()
  await it.startHere()
  const job = await it.producer.article({ html: await manyImages(it, 100) })
  const { html, images } = await it.producer.result(job, { timeoutMs: 15_000 })
  expect(new Set(images.map(image => image.url)).size).toBe(100)
  expect(html).toBe(images.map(({ url }) => `<p><img src="${url}"></p>\r\n`).join(''))
  expect(uploads(it)).toHaveLength(100)
  expect(await units(it)).toHaveLength(100)
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'done', calls: 100, unknowns: 0 })
})

test('an article without images is done as it is, without a call', async () => {
  const it = await deploy()
  await it.startHere()
  for (const html of ['<p>no image</p>', '<!-- <img src=a.png> -->', '<img alt="without src">']) {
    const job = await it.producer.article({ html })
    expect(await it.producer.result(job, { timeoutMs: 5_000 })).toEqual({ html, images: [] })
  }
  expect(it.simulator.log()).toEqual([])
})

test('an image that is permanent already is left as it is', async () => {
  const it = await deploy()
  await it.startHere()
  const html = "<img src='http://p.qpic.cn/pic_wework/1/2/0?a&amp;b'>"
  const job = await it.producer.article({ html })
  const src = 'http://p.qpic.cn/pic_wework/1/2/0'
  expect(await it.producer.result(job, { timeoutMs: 5_000 })).toEqual({
    html,
    images: [{ src, as: 'permanent' }],
  })
  expect(it.simulator.log()).toEqual([])
})

const gif = dataUri(Buffer.from('GIF89a and more'), 'gif')
const broken = [
  ['is missing', 'gone.png', 'not-found', 'gone.png: '],
  ['is no picture', 'text.png?sign=SECRET', 'wrong-type', 'text.png: '],
  ['is too small', 'small.png', 'invalid', 'small.png: '],
  ['is too large', 'large.png', 'too-big', 'large.png: '],
  ['is outside the roots', '/etc/passwd', 'forbidden-address', '/etc/passwd: '],
  [
    'is at a URL though none may be fetched',
    'https://a.example/x?SECRET',
    'forbidden-address',
    'https://a.example/x: ',
  ],
  ['is GIF data', gif, 'wrong-type', 'data:image/gif (15 bytes): '],
  ['is a blob', 'blob:https://x/1', 'invalid', 'blob:https://x/1: '],
  ['has an empty src', '', 'invalid', 'an image without src: '],
  ['has a name without end', `${'n'.repeat(5_000)}.png`, 'invalid', `${'n'.repeat(79)}…: `],
] as const

const withBroken = async (): Promise<Deployment> => {
  const it = await deploy()
  await it.startHere()
  await it.put('good.png', png())
  await it.put('text.png', 'this is no picture')
  await it.put('small.png', Buffer.alloc(4))
  await it.put('large.png', png(2 * 1024 * 1024 + 1))
  return it
}

test('an image that is broken in any way fails the article with its name, before the others are called', async () => {
  const it = await withBroken()
  for (const [what, src, kind, name] of broken) {
    const job = await it.producer.article({ html: `<img src="${src}"><img src=good.png>` })
    const fault = await it.producer.result(job, { timeoutMs: 5_000 }).catch(error => error)
    expect(fault, what).toMatchObject({ kind, message: expect.stringMatching(/^[^\n]*$/) })
    expect(fault.message.slice(0, name.length), what).toBe(name)
    expect(fault.message, what).not.toContain('SECRET')
  }
  expect(uploads(it)).toEqual([])
})

test('images that are broken in all ways are left as they were if asked for', async () => {
  const it = await withBroken()
  const html = (good: string) => broken.map(([, src]) => `<img alt=x src='${src}'><img ${good}>`).join('\r\n')
  const job = await it.producer.article({ html: html('src=good.png'), onFailure: 'keep' })
  const result = await it.producer.result(job, { timeoutMs: 5_000 })
  const { url } = result.images.find(image => image.as === 'uploaded') ?? {}
  expect(result.html).toBe(html(`src="${url}"`))
  const kept = result.images.filter(image => image.as === 'kept')
  expect(kept.map(({ fault }) => fault)).toMatchObject(
    broken.map(([, , kind, name]) => ({ kind, message: expect.stringContaining(name) })),
  )
  expect(kept.map(({ src }) => src)).toEqual(
    broken.map(([, src]) =>
      src === gif ? 'data:image/gif (15 bytes)' : src.replace(/\?.*$/, '').slice(0, 4_096),
    ),
  )
  expect(await units(it)).toEqual([`${job.id}:0`])
})

test('an image that the platform refuses is named, or kept and not sent a second time', async () => {
  const it = await deploy()
  await it.startHere()
  const refuse = { method: 'media/uploadimg', do: 'errcode', errcode: 40004 } as const
  it.simulator.faults.add(refuse)
  const html = await manyImages(it, 3)
  const strict = await it.producer.article({ html })
  await expect(it.producer.result(strict, { timeoutMs: 5_000 })).rejects.toMatchObject({
    ...{ kind: 'wrong-type', errcode: 40004, message: expect.stringMatching(/^0\.png: /) },
  })
  it.simulator.faults.add(refuse)
  // The answer to the second call is lost: the second attempt begins behind the first image.
  it.simulator.faults.add({ method: 'media/uploadimg', nth: 2, do: 'drop-reply' })
  const seen = uploads(it).length
  const job = await it.producer.article({ html, onFailure: 'keep' })
  const { images } = await it.producer.result(job, { timeoutMs: 10_000 })
  expect(images.map(image => [image.as, image.fault?.errcode])).toEqual([
    ['kept', 40004],
    ['uploaded', undefined],
    ['uploaded', undefined],
  ])
  expect(uploads(it).length - seen).toBe(4)
  const spent = (await units(it)).filter(unit => unit.startsWith(job.id))
  expect(spent.toSorted()).toEqual([0, 1, 2, 3].map(n => `${job.id}:${n}`))
})

test('a source that is away is tried again: the other images are done meanwhile, once', async () => {
  const content = png()
  const web = await startOrigin(async ({ index }, socket) => {
    await (index < 2
      ? send(socket, head('503 Service Unavailable', 'Retry-After: 0', 'Content-Length: 0'))
      : send(socket, head('200 OK', `Content-Length: ${content.length}`), content))
  })
  const it = await deploy(withWeb(Number(new URL(web.baseUrl).port)))
  await it.startHere()
  const html = `<img src="${new URL('/a.png', web.baseUrl)}">${await manyImages(it, 3)}`
  const job = await it.producer.article({ html, onFailure: 'keep' })
  const { images } = await it.producer.result(job, { timeoutMs: 15_000 })
  expect(images.map(image => image.as)).toEqual(['uploaded', 'uploaded', 'uploaded', 'uploaded'])
  expect(uploads(it).map(call => call.sha256 === sha256(content))).toEqual([false, false, false, true])
  expect(await units(it)).toHaveLength(4)
}, 30_000)

test('a source that stays away is given up if asked for, else it fails the article with its name', async () => {
  const web = await startOrigin((_ask, socket) => {
    const soon = new Date(Date.now() + 1_000).toUTCString()
    return send(socket, head('503 Service Unavailable', `Retry-After: ${soon}`, 'Content-Length: 0'))
  })
  const it = await deploy(withWeb(Number(new URL(web.baseUrl).port)))
  await it.startHere()
  const url = String(new URL('/a.png', web.baseUrl))
  const html = `<img src="${url}?SECRET">${await manyImages(it, 1)}`
  const strict = await it.producer.article({ html })
  const fault = await until('its first attempt', async () => (await it.producer.read(strict.id))?.lastFault)
  expect(fault.kind).toBe('transient')
  expect(fault.message.slice(0, url.length + 2)).toBe(`${url}: `)
  expect(fault.message).not.toContain('SECRET')
  await it.producer.cancel(strict.id)
  const before = web.asks.length
  const job = await it.producer.article({ html, onFailure: 'keep' })
  const { images } = await it.producer.result(job, { timeoutMs: 15_000 })
  expect(images).toMatchObject([{ as: 'kept', fault: { kind: 'transient' } }, { as: 'uploaded' }])
  expect(web.asks.length - before).toBe(5)
  expect(uploads(it)).toHaveLength(1)
}, 30_000)

test('a worker killed in the middle of an article: the next one goes on where it stopped, and calls nothing twice', async () => {
  const it = await deploy()
  const held = { method: 'media/uploadimg', state: 'held' } as const
  const first = await it.startWorker()
  it.simulator.faults.add({ method: 'media/uploadimg', do: 'hold', at: 'request' })
  const lone = await it.producer.article({ html: `<img src="${dataUri(png())}">`, onUnknown: 'hold' })
  await it.simulator.waitFor(held)
  it.simulator.faults.add({ method: 'media/uploadimg', nth: 4, do: 'hold', at: 'request' })
  const job = await it.producer.article({ html: await manyImages(it, 6) })
  await it.simulator.waitFor(held, { count: 2 })
  first.signal('SIGKILL')
  await first.ended
  await it.startWorker()
  const { images } = await it.producer.result(job, recovery)
  const accepted = uploads(it).filter(call => call.errcode === 0)
  expect(new Set(accepted.map(call => call.sha256)).size).toBe(6)
  expect(images.map(image => image.url)).toEqual(accepted.map(call => call.url))
  // One was cut off: nobody knows whether it was counted, so its unit stays.
  expect((await units(it)).filter(unit => unit.startsWith(job.id))).toHaveLength(7)
  expect(await it.producer.read(job.id)).toMatchObject({ state: 'done', fence: 2, calls: 7, unknowns: 1 })
  await expect(it.producer.result(lone, recovery)).rejects.toMatchObject({ kind: 'unknown' })
  expect(uploads(it), 'and the one that was to be held is not called again').toHaveLength(8)
}, 30_000)

test('with onUnknown: hold an article whose image may have been counted stops', async () => {
  const it = await deploy()
  await it.startHere()
  it.simulator.faults.add({ method: 'media/uploadimg', nth: 2, do: 'drop-reply' })
  const job = await it.producer.article({ html: await manyImages(it, 3), onUnknown: 'hold' })
  await expect(it.producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind: 'unknown' })
  expect(uploads(it)).toHaveLength(2)
  expect(await units(it)).toHaveLength(2)
})

test('over the quota an article waits with what it has, and says so', async () => {
  const it = await deploy()
  const day = { amount: 2 }
  await it.startHere({ limits: { methods: { 'media/uploadimg': { quota: { day, month: { amount: 5 } } } } } })
  const html = await manyImages(it, 3)
  const job = await it.producer.article({ html, deadlineMs: 5_000 })
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({
    ...{ kind: 'expired', message: expect.stringContaining('quota') },
  })
  expect(uploads(it)).toHaveLength(2)
})

test('an article that has begun waits for its next grant where it is', async () => {
  const it = await deploy()
  const minute = { amount: 4, windowMs: 2_000 }
  const rates = { minute, hour: null, 'ip-minute': null, 'ip-hour': null }
  await it.startHere({ limits: { flightMs: 100, methods: { 'media/uploadimg': { rates } } } })
  const job = await it.producer.article({ html: await manyImages(it, 4) })
  await it.producer.result(job, { timeoutMs: 15_000 })
  const { calls, fence } = (await it.producer.read(job.id)) ?? {}
  expect(calls).toBe(4)
  expect(fence, 'attempts: the first grant may be far away, the others are not').toBeLessThanOrEqual(2)
}, 30_000)

test.each([
  ['that is not UTF-8', Buffer.from('<p>\xb1\xea\xcc\xe2</p>', 'latin1'), 'wrong-type'],
  ['in UTF-16', Buffer.from('\uFEFF<img src=a.png>', 'utf16le'), 'wrong-type'],
  ['of more than 20 MiB', Buffer.alloc(20 * 1024 * 1024 + 1, ' '), 'too-big'],
  [
    'with more than 1,000 images',
    Buffer.from(Array.from({ length: 1_001 }, (_, i) => `<img src=${i}>`).join('')),
    'too-big',
  ],
  [
    'with elements without end',
    Buffer.from(Array.from({ length: 2_000 }, (_, i) => `<p><b a=${i}>`).join('')),
    'too-big',
  ],
])('a document %s is refused', async (_what, content, kind) => {
  const it = await deploy()
  await it.startHere()
  const job = await it.producer.article({ source: { path: await it.put('x.html', content) } })
  await expect(it.producer.result(job, { timeoutMs: 10_000 })).rejects.toMatchObject({ kind })
  expect(it.simulator.log()).toEqual([])
  expect(await readdir(it.downloads)).toEqual([])
})

test('an article needs html or source, not both', async () => {
  const it = await deploy()
  for (const payload of [{}, { html: '<p>', source: { path: 'x' } }, { html: 'x'.repeat(25_000) }])
    await expect(it.producer.article(payload)).rejects.toMatchObject({ kind: 'invalid' })
})

test('busy answers that were overcome do not add up to the end of an article', async () => {
  const it = await deploy()
  await it.startHere()
  const html = await manyImages(it, 4)
  for (const nth of [2, 4, 6])
    it.simulator.faults.add({ method: 'media/uploadimg', nth, do: 'errcode', errcode: -1 })
  const job = await it.producer.article({ html })
  const admin = createAdmin(it.redis, it.namespace, () => undefined)
  const woken = new AbortController()
  // A busy answer waits for 5 s.
  const waking = (async () => {
    while (!woken.signal.aborted) {
      await admin.wake('article', job.id)
      await delay(50)
    }
  })()
  const { images } = await it.producer.result(job, { timeoutMs: 20_000 })
  expect(images.map(({ as }) => as)).toEqual(['uploaded', 'uploaded', 'uploaded', 'uploaded'])
  woken.abort()
  await waking
  await admin.close()
}, 30_000)

test('an article that is asked for again looks at every image anew, and pays for none twice', async () => {
  const it = await deploy()
  await it.startHere()
  const [good, old, mended] = [png(), png(), png()]
  await it.put('a.png', good)
  await it.put('b.png', old)
  it.simulator.faults.add({ method: 'media/uploadimg', nth: 2, do: 'errcode', errcode: 40123 })
  const payload = { html: '<img src=a.png><img src=b.png><img src=c.png>', onFailure: 'fail' as const }
  const job = await it.producer.article(payload, { key: 'k' })
  await expect(it.producer.result(job, { timeoutMs: 5_000 })).rejects.toMatchObject({ errcode: 40123 })
  await it.put('b.png', mended)
  await it.put('c.png', mended)
  const again = await it.producer.article(payload, { key: 'k', again: true })
  const { images } = await it.producer.result(again, { timeoutMs: 5_000 })
  expect(images.map(({ as }) => as)).toEqual(['repeated', 'uploaded', 'repeated'])
  expect(
    uploads(it)
      .map(({ sha256 }) => sha256)
      .filter(Boolean),
  ).toEqual([sha256(good), sha256(mended)])
})

test('relative images of a page are looked for where the page was found in the end, or where it says', async () => {
  const [here, there] = [png(), png()]
  const origin = await startOrigin((ask, socket) => {
    const files: Record<string, Buffer> = {
      '/news/2024/': Buffer.from('<img src=a.png>'),
      '/other/': Buffer.from('<base href="/news/2024/"><img src=a.png>'),
      '/news/2024/a.png': here,
      '/a.png': there,
    }
    if (ask.path === '/news')
      return send(socket, head('302 Found', 'Location: /news/2024/', 'Content-Length: 0'))
    const body = files[ask.path] ?? Buffer.alloc(0)
    return send(socket, head(body.length ? '200 OK' : '404 No', `Content-Length: ${body.length}`), body)
  })
  const it = await deploy(withWeb(origin.port))
  await it.startHere()
  for (const page of ['/news', '/other/']) {
    const source = { url: `http://127.0.0.1:${origin.port}${page}` }
    const job = await it.producer.article({ source, reuse: 'never' })
    await it.producer.result(job, { timeoutMs: 5_000 })
  }
  expect(uploads(it).map(({ sha256 }) => sha256)).toEqual([sha256(here), sha256(here)])
})

test('an image lies beside its document, also where another root has one of its name', async () => {
  const [first, second] = [await tempDir(), await tempDir()]
  const [wrong, right] = [png(), png()]
  await writeFile(join(first, 'a.png'), wrong)
  await writeFile(join(second, 'a.png'), right)
  await writeFile(join(second, 'news.html'), '<img src=a.png>')
  const it = await deploy({ env: { WECOM_MEDIA_ROOTS: `${first}:${second}` } })
  await it.startHere()
  const job = await it.producer.article({ source: { path: 'news.html' } })
  await it.producer.result(job, { timeoutMs: 5_000 })
  expect(uploads(it).map(({ sha256 }) => sha256)).toEqual([sha256(right)])
})

test('a path in a document is left as it was where no folder is allowed, if asked for', async () => {
  const it = await deploy({ env: { WECOM_MEDIA_ROOTS: '' } })
  await it.startHere()
  const html = '<img src=a.png>'
  const kept = await it.producer.article({ html, onFailure: 'keep' })
  expect(await it.producer.result(kept, { timeoutMs: 5_000 })).toMatchObject({
    html,
    images: [{ as: 'kept', fault: { kind: 'config' } }],
  })
})
