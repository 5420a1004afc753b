/** X01, X02, X04, X05, X06: what a server can do to a download, on a raw socket, through the real client. */

import { readdir, readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault, type Kind } from '../../src/fault.ts'
import { type DownloadOptions, download } from '../../src/files/download.ts'
import { createClient } from '../../src/wecom/client.ts'
import { atEnd } from '../support/at-end.ts'
import { type Ask, head, reset, type Script, send, startOrigin } from '../support/origin.ts'
import { startNode } from '../support/processes.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import { always, sha256Of, someBytes } from './platform.ts'

const size = 1_000
const content = someBytes(size)
const attachment = 'Content-Disposition: attachment; filename="MEDIA_ID.bin"'
const type = 'Content-Type: application/octet-stream'
const length = (bytes: number | string) => `Content-Length: ${bytes}`
const range = (start: number, end: number, total: number | string = size) =>
  `Content-Range: bytes ${start}-${end}/${total}`

/** What an honest platform says. */
const honest: Script = ({ range: asked }, socket) => {
  const start = asked?.start ?? 0
  const end = Math.min(asked?.end ?? size, size - 1)
  return send(
    socket,
    head('206 Partial Content', type, attachment, length(end - start + 1), range(start, end)),
    content.subarray(start, end + 1),
  )
}

const clientFor = (baseUrl: string) => {
  const client = createClient({
    corpId: 'ww1',
    secret: 'secret',
    baseUrl,
    retry: { transientTries: 0 },
    timeouts: { headMs: 1_000, noProgressMs: 600, baseMs: 1_500, minBytesPerSecond: 1_000 },
  })
  atEnd(() => client.close())
  return client
}

const optionsFor = (baseUrl: string, dir: string, more: Partial<DownloadOptions> = {}): DownloadOptions => {
  const client = clientFor(baseUrl)
  return {
    dir,
    id: 'job',
    fetch: (asked, signal) => client.get('MEDIA_ID', { range: asked, signal }),
    signal: new AbortController().signal,
    maxBytes: 1_000_000,
    ...more,
  }
}

type Ending = { bytes: Buffer; sha256: string | undefined } | { kind: Kind | 'not a fault' }

const end = async (options: DownloadOptions): Promise<Ending> => {
  try {
    const done = await download(options)
    const path = await done.publish('final.bin', always)
    return { bytes: await readFile(path), sha256: done.sha256 }
  } catch (error) {
    return { kind: error instanceof Fault ? error.kind : 'not a fault' }
  }
}

const chunked = (bytes: Uint8Array, last = '0\r\n\r\n'): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from(`\r\n${last}`)])

const partial = (...headers: string[]) => head('206 Partial Content', type, attachment, ...headers)
const ok = (...headers: string[]) => head('200 OK', type, attachment, ...headers)
const finish = async (socket: Socket, ...parts: (string | Uint8Array)[]) => {
  await send(socket, ...parts)
  socket.end()
}
const kill = async (socket: Socket, ...parts: (string | Uint8Array)[]) => {
  await send(socket, ...parts)
  await reset(socket)
}
const half = content.subarray(0, 500)
const all = range(0, size - 1)
const json = (body: string, status = '200 OK', ...more: string[]) =>
  `${head(status, 'Content-Type: application/json', length(Buffer.byteLength(body)), ...more)}${body}`
const encoded = gzipSync(content)

/** `same`: the very bytes are published. A kind: that fault, and nothing is in the folder. */
const rows: [name: string, expected: 'same' | Kind, script: Script][] = [
  ['an honest slice', 'same', honest],
  [
    'a slice in chunks',
    'same',
    (_, s) => send(s, partial(all, 'Transfer-Encoding: chunked'), chunked(content)),
  ],
  [
    'a slice byte by byte at the header’s end',
    'same',
    async (ask, s) => {
      for (const byte of partial(all, length(size))) await send(s, byte)
      await send(s, content)
      expect(ask.headers.get('accept-encoding')).toBe('identity')
    },
  ],
  [
    'header names in capitals',
    'same',
    (_, s) =>
      send(
        s,
        head('206 OK', all.toUpperCase().replace('BYTES', 'bytes'), `CONTENT-LENGTH: ${size}`, attachment),
        content,
      ),
  ],
  [
    'a 100 Continue first',
    'transient',
    (_, s) => send(s, 'HTTP/1.1 100 Continue\r\n\r\n', partial(all, length(size)), content),
  ],
  [
    'connection close after a whole slice',
    'same',
    (_, s) => finish(s, partial(all, length(size), 'Connection: close'), content),
  ],
  ['reset after a whole slice', 'same', (_, s) => kill(s, partial(all, length(size)), content)],
  ['Range ignored, with a length (curl 38)', 'same', (_, s) => send(s, ok(length(size)), content)],
  ['Range ignored, in chunks', 'same', (_, s) => send(s, ok('Transfer-Encoding: chunked'), chunked(content))],
  [
    'Range ignored, without a disposition',
    'same',
    (_, s) => send(s, head('200 OK', type, length(size)), content),
  ],
  [
    'a file name that is a path (curl 1584)',
    'same',
    (_, s) =>
      send(
        s,
        head(
          '206 Partial Content',
          type,
          'Content-Disposition: attachment; filename="../../etc/passwd"',
          all,
          length(size),
        ),
        content,
      ),
  ],
  [
    'a DOS path as a file name (curl 1313)',
    'same',
    (_, s) =>
      send(
        s,
        head(
          '206 Partial Content',
          'Content-Disposition: attachment; filename="C:\\\\x\\\\final.bin"',
          all,
          length(size),
        ),
        content,
      ),
  ],
  [
    'a file name with odd quotes',
    'same',
    (_, s) =>
      send(
        s,
        head(
          '206 Partial Content',
          'Content-Disposition: attachment; filename=""x"";filename*=utf-8\'\'%ff%00',
          all,
          length(size),
        ),
        content,
      ),
  ],

  [
    'length larger than the body, closed (curl 178)',
    'transient',
    (_, s) => finish(s, partial(all, length(size)), half),
  ],
  ['length larger than the body, reset', 'transient', (_, s) => kill(s, partial(all, length(size)), half)],
  ['length smaller than the range', 'transient', (_, s) => send(s, partial(all, length(500)), content)],
  [
    'length larger than the range',
    'transient',
    (_, s) => finish(s, partial(all, length(size + 1)), content, 'x'),
  ],
  [
    'two lengths that differ (curl 767)',
    'transient',
    (_, s) => finish(s, partial(all, length(size), length(500)), content),
  ],
  ['a negative length (curl 178)', 'transient', (_, s) => finish(s, partial(all, length(-1)), content)],
  ['a length that is no number', 'transient', (_, s) => finish(s, partial(all, length('many')), content)],
  [
    'a length beyond all numbers (curl 395)',
    'transient',
    (_, s) => finish(s, partial(all, length('9'.repeat(30))), content),
  ],
  [
    'length and chunks at once',
    'transient',
    (_, s) => finish(s, partial(all, length(size), 'Transfer-Encoding: chunked'), chunked(content)),
  ],
  [
    'chunks cut in the middle (curl 207)',
    'transient',
    (_, s) => finish(s, partial(all, 'Transfer-Encoding: chunked'), chunked(half, '')),
  ],
  [
    'chunks without the last one',
    'transient',
    (_, s) => finish(s, partial(all, 'Transfer-Encoding: chunked'), chunked(content, '')),
  ],
  [
    'a chunk size that is no number',
    'transient',
    (_, s) => finish(s, partial(all, 'Transfer-Encoding: chunked'), 'xyz\r\n', content),
  ],
  [
    'chunks that end early, properly',
    'transient',
    (_, s) => send(s, partial(all, 'Transfer-Encoding: chunked'), chunked(half)),
  ],
  [
    'chunks with too much in them',
    'transient',
    (_, s) => send(s, partial(all, 'Transfer-Encoding: chunked'), chunked(Buffer.concat([content, half]))),
  ],
  [
    'X05: a slice that only the close ends',
    'transient',
    (_, s) => finish(s, partial(all, 'Connection: close'), content),
  ],
  [
    'X05: a slice that only a reset ends',
    'transient',
    (_, s) => kill(s, partial(all, 'Connection: close'), content),
  ],
  [
    'X05: a whole file that only the close ends',
    'transient',
    (_, s) => finish(s, ok('Connection: close'), content),
  ],
  ['X05: a whole file that only a reset ends', 'transient', (_, s) => kill(s, ok('Connection: close'), half)],
  ['Range ignored, cut', 'transient', (_, s) => finish(s, ok(length(size)), half)],
  ['Range ignored, nothing in it', 'transient', (_, s) => send(s, ok(length(0)))],
  ['X04: no Content-Range (curl 1156)', 'transient', (_, s) => send(s, partial(length(size)), content)],
  [
    'X04: another start',
    'transient',
    (_, s) => send(s, partial(range(1, size - 1), length(size - 1)), content.subarray(1)),
  ],
  ['X04: an earlier end', 'transient', (_, s) => send(s, partial(range(0, 499), length(500)), half)],
  [
    'X04: an end behind the total',
    'transient',
    (_, s) => send(s, partial(range(0, size), length(size + 1)), content, 'x'),
  ],
  [
    'X04: an unknown total',
    'transient',
    (_, s) => send(s, partial(range(0, size - 1, '*'), length(size)), content),
  ],
  [
    'X04: another unit',
    'transient',
    (_, s) => send(s, partial('Content-Range: chars 0-999/1000', length(size)), content),
  ],
  [
    'X04: words behind the range',
    'transient',
    (_, s) => send(s, partial(`${all}, bytes 0-1/2`, length(size)), content),
  ],
  ['X04: two ranges', 'transient', (_, s) => send(s, partial(all, range(0, 1), length(size)), content)],
  [
    'X04: multipart/byteranges',
    'transient',
    (_, s) =>
      send(
        s,
        head('206 Partial Content', 'Content-Type: multipart/byteranges; boundary=x', length(size)),
        content,
      ),
  ],
  [
    'X07: gzip though identity was asked',
    'rejected',
    (_, s) => send(s, partial(all, 'Content-Encoding: gzip', length(encoded.length)), encoded),
  ],
  [
    'X07: a label of gzip on plain bytes',
    'rejected',
    (_, s) => send(s, ok('Content-Encoding: gzip', length(size)), content),
  ],
  ['closed without a word', 'transient', (_, s) => s.end()],
  ['reset without a word', 'transient', (_, s) => reset(s)],
  ['no HTTP at all', 'transient', (_, s) => finish(s, 'SSH-2.0-OpenSSH_9.2\r\n')],
  ['a status line cut in the middle', 'transient', (_, s) => finish(s, 'HTTP/1.1 20')],
  [
    'headers without an end (curl 1523)',
    'transient',
    (_, s) => finish(s, 'HTTP/1.1 206 Partial Content\r\nContent-Le'),
  ],
  [
    'a header of 100 KB',
    'transient',
    (_, s) => finish(s, partial(all, length(size), `X: ${'x'.repeat(100_000)}`), content),
  ],
  [
    'a 502 page',
    'transient',
    (_, s) => send(s, head('502 Bad Gateway', 'Content-Type: text/html', length(6)), '<html>'),
  ],
  [
    'a login page with 200',
    'transient',
    (_, s) => send(s, head('200 OK', 'Content-Type: text/html', length(6)), '<html>'),
  ],
  ['a redirect', 'config', (_, s) => send(s, head('302 Found', 'Location: http://127.0.0.1:1/', length(0)))],
  [
    '416 (curl 1040)',
    'rejected',
    (_, s) => send(s, head('416 Range Not Satisfiable', 'Content-Range: bytes */0', length(0))),
  ],
  [
    'an expired media_id',
    'gone',
    (_, s) => send(s, json('{"errcode":40007,"errmsg":"invalid media_id"}', '200 OK', 'Error-Code: 40007')),
  ],
  [
    'an errcode without the header',
    'gone',
    (_, s) => send(s, json('{"errcode":40007,"errmsg":"invalid media_id"}')),
  ],
  [
    'a size over the cap, told (curl 393)',
    'too-big',
    (_, s) => send(s, partial(range(0, 8 * 1_048_576 - 1, 10 ** 9), length(8 * 1_048_576)), content),
  ],
  ['a length over the cap, told', 'too-big', (_, s) => send(s, ok(length(10 ** 9)), content)],
  [
    'a size over the cap, only in the bytes (curl 457)',
    'too-big',
    (_, s) => send(s, ok('Transfer-Encoding: chunked'), chunked(Buffer.alloc(1_000_001))),
  ],
  ['X06: silence in the body', 'transient', (_, s) => send(s, partial(all, length(size)), half)],
]

describe('X01: a server may do what it likes; the file is right or is not there', () => {
  test.each(rows)('%s: %s', async (_, expected, script) => {
    const dir = await tempDir()
    const { baseUrl } = await startOrigin(script)
    const ending = await end(optionsFor(baseUrl, dir))
    if (expected === 'same') {
      expect(ending).toMatchObject({ sha256: sha256Of(content) })
      expect('bytes' in ending && ending.bytes.equals(content)).toBe(true)
      expect(await readdir(dir)).toEqual(['final.bin'])
    } else {
      expect(ending).toEqual({ kind: expected })
      expect(await readdir(dir)).toEqual([])
    }
  })
})

describe('over several slices', () => {
  const sliceBytes = 256
  const at =
    (index: number, script: Script): Script =>
    (ask, socket) =>
      (ask.index === index ? script : honest)(ask, socket)
  const later: [name: string, script: Script][] = [
    [
      'is cut',
      (ask, s) =>
        finish(s, partial(range(ask.range?.start ?? 0, ask.range?.end ?? 0), length(sliceBytes)), 'short'),
    ],
    [
      'has another total',
      (ask, s) =>
        send(
          s,
          partial(range(ask.range?.start ?? 0, ask.range?.end ?? 0, size + 1), length(sliceBytes)),
          half.subarray(0, sliceBytes),
        ),
    ],
    [
      'is the first one again',
      (_, s) => send(s, partial(range(0, sliceBytes - 1), length(sliceBytes)), half.subarray(0, sliceBytes)),
    ],
    ['is the whole file', (_, s) => send(s, ok(length(size)), content)],
    ['is a 502', (_, s) => send(s, head('502 Bad Gateway', length(0)))],
    ['is an error of the platform', (_, s) => send(s, json('{"errcode":-1,"errmsg":"system busy"}'))],
    ['never comes', () => undefined],
  ]
  test.each(later)('the third %s: at the latest the next attempt has the same bytes', async (_, script) => {
    const dir = await tempDir()
    const { baseUrl, asks } = await startOrigin(at(2, script))
    const options = optionsFor(baseUrl, dir, { sliceBytes })
    let ending = await end(options)
    if ('kind' in ending) {
      expect(await readdir(dir)).not.toContain('final.bin')
      ending = await end(options)
      expect(asks[3]?.range?.start).toBe(2 * sliceBytes)
    }
    expect('bytes' in ending && ending.bytes.equals(content)).toBe(true)
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('four at a time, on real sockets, bring the same bytes', async () => {
    const dir = await tempDir()
    const { baseUrl, asks } = await startOrigin(honest)
    const ending = await end(optionsFor(baseUrl, dir, { sliceBytes: 64, parallel: 4 }))
    expect('bytes' in ending && ending.bytes.equals(content)).toBe(true)
    expect(asks.length).toBe(Math.ceil(size / 64))
  })

  test('X02: cut at any offset, each request starts where a slice is missing', async () => {
    const cuts: number[] = []
    const cutting: Script = (ask, socket) => {
      const { start, end: last } = ask.range ?? { start: 0, end: 0 }
      const cut = cuts[0]
      if (cut === undefined || cut < start || cut > last || start >= size) return honest(ask, socket)
      cuts.shift()
      const until = Math.min(last, size - 1)
      return kill(
        socket,
        partial(range(start, until), length(until - start + 1)),
        content.subarray(start, cut),
      )
    }
    const { baseUrl, asks } = await startOrigin(cutting)
    const from = (firstAsk: number) => asks.slice(firstAsk).map(({ range: asked }) => asked?.start ?? -1)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 3 }), async offsets => {
        const dir = await tempDir()
        const sorted = [...offsets].sort((a, b) => a - b)
        cuts.splice(0, cuts.length, ...sorted)
        const firstAsk = asks.length
        let ending: Ending = { kind: 'not a fault' }
        for (let tries = 0; 'kind' in ending && tries <= offsets.length; tries += 1)
          ending = await end(optionsFor(baseUrl, dir, { sliceBytes }))
        expect('bytes' in ending && ending.bytes.equals(content)).toBe(true)
        // Each slice once, and once more for each cut in it.
        const expected = [0, 256, 512, 768].flatMap(start =>
          Array.from(
            { length: 1 + sorted.filter(cut => cut >= start && cut < start + 256).length },
            () => start,
          ),
        )
        expect(from(firstAsk)).toEqual(expected)
      }),
      { numRuns: 12 },
    )
  })
})

test('the successor of a killed process fetches only what that had not listed', async () => {
  const dir = await tempDir()
  const { promise: middle, resolve } = Promise.withResolvers<void>()
  const stalling: Script = async (ask, socket) => {
    if (ask.index !== 2) return honest(ask, socket)
    await send(socket, partial(range(512, 767), length(256)), content.subarray(512, 600))
    return resolve()
  }
  const { baseUrl, asks } = await startOrigin(stalling)
  const child = startNode(join(import.meta.dirname, 'download-child.ts'), { args: [baseUrl, dir, '256'] })
  await middle
  // Syncing and listing go on while the next slice comes.
  await until('two slices are listed', async () => {
    const list = (await readdir(dir)).find(name => name.endsWith('.slices'))
    return list !== undefined && (await readFile(join(dir, list), 'utf8')).split('\n').length === 4
  })
  child.signal('SIGKILL')
  await child.ended
  expect((await readdir(dir)).filter(name => name.endsWith('.part'))).toHaveLength(1)

  const ending = await end(optionsFor(baseUrl, dir))
  expect('bytes' in ending && ending.bytes.equals(content)).toBe(true)
  expect(asks.slice(3).map(({ range: asked }) => asked?.start)).toEqual([512, 768])
  expect(await readdir(dir)).toEqual(['final.bin'])
})

describe('X06: slow bodies', () => {
  const dripping = async (_: Ask, socket: Socket): Promise<void> => {
    await send(socket, partial(all, length(size)))
    for (const byte of content) {
      await delay(100)
      if (socket.destroyed) return
      await send(socket, Uint8Array.of(byte))
    }
  }

  test('a drip ends at the deadline that its size allows, and leaves nothing', async () => {
    const dir = await tempDir()
    const { baseUrl } = await startOrigin(dripping)
    const startMs = performance.now()
    expect(await end(optionsFor(baseUrl, dir))).toEqual({ kind: 'transient' })
    const tookMs = performance.now() - startMs
    expect(tookMs).toBeGreaterThan(2_000)
    expect(tookMs).toBeLessThan(3_500)
    expect(await readdir(dir)).toEqual([])
  })

  test('an abort ends a drip at once and closes the connection', async () => {
    const dir = await tempDir()
    let socket: Socket | undefined
    const { baseUrl } = await startOrigin((ask, own) => {
      socket = own
      return dripping(ask, own)
    })
    const abort = new AbortController()
    const onProgress = () => abort.abort(new Fault('transient', 'shutting down'))
    expect(await end(optionsFor(baseUrl, dir, { signal: abort.signal, onProgress }))).toEqual({
      kind: 'transient',
    })
    await expect.poll(() => socket?.destroyed).toBe(true)
    expect(await readdir(dir)).toEqual([])
  })
})

test('a name from the platform never becomes a path', async () => {
  const dir = await tempDir()
  const evil = 'Content-Disposition: attachment; filename="../../escaped.bin"'
  const { baseUrl } = await startOrigin((_, s) => send(s, head('200 OK', type, evil, length(size)), content))
  const done = await download(optionsFor(baseUrl, dir))
  expect(done.name).toContain('escaped.bin')
  expect(await done.publish('job.bin', always)).toBe(join(dir, 'job.bin'))
  expect(await readdir(dir)).toEqual(['job.bin'])
})
