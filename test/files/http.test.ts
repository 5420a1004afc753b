/** X01, X02, X04 to X07 for sources over http(s): what a server can do to a file that is fetched from it, on real sockets. */

import { createHash } from 'node:crypto'
import { readdir, readFile, stat, utimes } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault, type Kind } from '../../src/fault.ts'
import { openSource } from '../../src/files/file.ts'
import type { Web } from '../../src/files/http.ts'
import { sweepPartials } from '../../src/files/partial-names.ts'
import { atEnd } from '../support/at-end.ts'
import { head, reset, type Script, send } from '../support/origin.ts'
import { tempDir } from '../support/temp.ts'
import { kindOf } from './kind-of.ts'
import { someBytes } from './platform.ts'
import { contentRange, honest, length, site, startOf, webWith } from './web.ts'

const { signal } = new AbortController()
const size = 1_000
const content = someBytes(size)
const half = content.subarray(0, 500)
const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')

const finish = async (socket: Socket, ...parts: (string | Uint8Array)[]) => {
  await send(socket, ...parts)
  socket.end()
}
const kill = async (socket: Socket, ...parts: (string | Uint8Array)[]) => {
  await send(socket, ...parts)
  await reset(socket)
}
const chunked = (bytes: Uint8Array, last = '0\r\n\r\n'): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from(`\r\n${last}`)])
const ok = (...headers: string[]) => head('200 OK', ...headers)
const partial = (...headers: string[]) => head('206 Partial Content', ...headers)
const chunks = 'Transfer-Encoding: chunked'

const spool = (web: Web, url: string, dir: string, maxBytes = 100_000) =>
  web.spool(url, { dir, id: 'job', maxBytes, signal })

/** The MD5 of the bytes that came, or the kind of fault; the folder is empty afterwards either way. */
const fetched = async (web: Web, url: string, maxBytes?: number): Promise<string> => {
  const dir = await tempDir()
  try {
    const source = await spool(web, url, dir, maxBytes)
    expect(await readdir(dir)).toHaveLength(1)
    const bytes = await buffer(await source.open())
    expect(source.sizeBytes).toBe(bytes.length)
    await source.close()
    return md5Of(bytes)
  } catch (error) {
    return error instanceof Fault ? error.kind : String(error)
  } finally {
    expect(await readdir(dir)).toEqual([])
  }
}

const rows: [name: string, expected: 'same' | Kind, script: Script][] = [
  ['an honest answer', 'same', honest(content)],
  ['chunks', 'same', (_, s) => send(s, ok(chunks), chunked(content))],
  [
    'an answer byte by byte',
    'same',
    async (_, s) => {
      for (const byte of ok(length(size))) await send(s, byte)
      await send(s, content)
    },
  ],
  ['a reset behind the last byte', 'same', (_, s) => kill(s, ok(length(size)), content)],
  [
    'bytes behind the announced end, which are no part of the file',
    'same',
    (_, s) => finish(s, ok(length(size)), content, 'more'),
  ],
  ['identity named as the encoding', 'same', honest(content, 'Content-Encoding: identity')],
  ['a length larger than the body, each time', 'transient', (_, s) => finish(s, ok(length(size)), half)],
  ['a length larger than the body, then reset', 'transient', (_, s) => kill(s, ok(length(size)), half)],
  ['a length over the cap', 'too-big', (_, s) => send(s, ok(length(10 ** 9)), content)],
  ['chunks over the cap', 'too-big', (_, s) => send(s, ok(chunks), chunked(Buffer.alloc(100_001)))],
  ['a negative length', 'transient', (_, s) => finish(s, ok(length(-1)), content)],
  ['a length that is no number', 'transient', (_, s) => finish(s, ok(length('many')), content)],
  ['two lengths', 'transient', (_, s) => finish(s, ok(length(size), length(500)), content)],
  ['length and chunks at once', 'transient', (_, s) => finish(s, ok(length(size), chunks), chunked(content))],
  ['chunks without the last one', 'transient', (_, s) => finish(s, ok(chunks), chunked(content, ''))],
  ['chunks cut in the middle', 'transient', (_, s) => kill(s, ok(chunks), chunked(half, ''))],
  ['a chunk size that is no number', 'transient', (_, s) => finish(s, ok(chunks), 'xyz\r\n', content)],
  ['X05: a body that only the close ends', 'rejected', (_, s) => finish(s, ok('Connection: close'), content)],
  ['X05: a body that only a reset ends', 'rejected', (_, s) => kill(s, ok('Connection: close'), half)],
  ['X05: HTTP/1.0 without a length', 'rejected', (_, s) => finish(s, 'HTTP/1.0 200 OK\r\n\r\n', content)],
  ['X07: gzip', 'rejected', (_, s) => send(s, ok('Content-Encoding: gzip', length(20)), gzipSync(content))],
  ['X07: a label of gzip on plain bytes', 'rejected', honest(content, 'Content-Encoding: gzip')],
  ['X07: br in chunks', 'rejected', (_, s) => send(s, ok('Content-Encoding: br', chunks), chunked(content))],
  [
    '206 though nobody asked',
    'rejected',
    (_, s) => send(s, partial(length(size), contentRange(0, 999, size)), content),
  ],
  ['204', 'rejected', (_, s) => send(s, head('204 No Content'))],
  ['304', 'rejected', (_, s) => send(s, head('304 Not Modified'))],
  ['400', 'rejected', (_, s) => send(s, head('400 Bad Request', length(0)))],
  ['401', 'rejected', (_, s) => send(s, head('401 Unauthorized', length(0)))],
  ['403', 'rejected', (_, s) => send(s, head('403 Forbidden', length(0)))],
  ['404', 'not-found', (_, s) => send(s, head('404 Not Found', length(0)))],
  ['410', 'not-found', (_, s) => send(s, head('410 Gone', length(0)))],
  ['408', 'transient', (_, s) => send(s, head('408 Request Timeout', length(0)))],
  ['429', 'transient', (_, s) => send(s, head('429 Too Many Requests', length(0)))],
  ['500', 'transient', (_, s) => send(s, head('500 Oops', length(0)))],
  ['closed without a word', 'transient', (_, s) => s.end()],
  ['reset without a word', 'transient', (_, s) => reset(s)],
  ['no HTTP at all', 'transient', (_, s) => finish(s, 'SSH-2.0-OpenSSH_9.2\r\n')],
  [
    'headers over 16 KB',
    'transient',
    (_, s) => finish(s, ok(length(size), `X: ${'x'.repeat(17_000)}`), content),
  ],
]

describe('X01: a server may do what it likes; the file is right or is not there', () => {
  test.each(rows)('%s: %s', async (_, expected, script) => {
    const { web, url, asks } = await site(script)
    const result = await fetched(web, url)
    expect(result).toBe(expected === 'same' ? md5Of(content) : expected)
    expect(asks[0]?.headers.get('accept-encoding')).toBe('identity')
  })

  test('a refused connection is transient', async () => {
    const web = webWith({ hosts: 'public', ports: [1], privateNets: ['127.0.0.1'] })
    expect(await fetched(web, 'http://127.0.0.1:1/')).toBe('transient')
  })

  test('an empty file is a file', async () => {
    const { web, url } = await site(honest(Buffer.alloc(0)))
    expect(await fetched(web, url)).toBe(md5Of(Buffer.alloc(0)))
  })

  test('a file as large as the cap comes through, one byte more does not', async () => {
    for (const script of [honest(content), ((_, s) => send(s, ok(chunks), chunked(content))) as Script]) {
      const { web, url } = await site(script)
      expect(await fetched(web, url, size)).toBe(md5Of(content))
      expect(await fetched(web, url, size - 1)).toBe('too-big')
    }
  })

  test.each([
    ['7', 7_000],
    ['99999999', 600_000],
    [new Date(1_000_000_000_000 + 60_000).toUTCString(), 60_000],
    ['Sat, 01 Jan 2000 00:00:00 GMT', undefined],
    ['soon', undefined],
  ])('a server that names a time is waited for, within reason: %s', async (text, waitMs) => {
    const { systemClock } = await import('../../src/clock.ts')
    const clock = { ...systemClock, nowMs: () => 1_000_000_000_000 }
    const { web, url } = await site((_, s) => send(s, head('503 Busy', length(0), `Retry-After: ${text}`)), {
      clock,
    })
    await expect(web.md5(url, { maxBytes: 1, signal })).rejects.toMatchObject({ kind: 'transient', waitMs })
  })

  test('no message shows path or query', async () => {
    for (const script of [
      rows[6]?.[2],
      rows[8]?.[2],
      rows[17]?.[2],
      rows[29]?.[2],
      rows[35]?.[2],
    ] as Script[]) {
      const { web, url, port } = await site(script)
      const error: unknown = await spool(web, url, await tempDir()).catch(fault => fault)
      expect(String(error)).toContain(`http://127.0.0.1:${port}`)
      expect(String(error)).not.toMatch(/s3cret|media\//)
      expect(error instanceof Fault && error.cause).toBeUndefined()
    }
  })
})

/** Sends, waits until the reader has it all, and ends the connection. */
type SendAndCut = (
  socket: Socket,
  part: { readonly head: string; readonly bytes: Uint8Array; readonly start?: number; readonly end: number },
  isReset?: boolean,
) => Promise<void>

/** An origin that knows how far its reader is: what lies in a buffer at a cut is lost, and would be asked for again. */
const cutSite = async (make: (sendAndCut: SendAndCut) => Script) => {
  let doneBytes = 0
  let due: { readonly end: number; readonly cut: () => unknown } | undefined
  const look = (): void => {
    if (due === undefined || doneBytes < due.end) return
    const { cut } = due
    due = undefined
    cut()
  }
  const sendAndCut: SendAndCut = async (socket, { head: text, bytes, start = 0, end }, isReset = false) => {
    if (start === 0) doneBytes = 0
    await send(socket, text, bytes)
    due = { end, cut: () => (isReset && bytes.length > 0 ? reset(socket) : socket.end()) }
    look()
  }
  const { web, url, asks } = await site(make(sendAndCut))
  const onProgress = (progress: { readonly doneBytes: number }): void => {
    doneBytes = progress.doneBytes
    look()
  }
  /** MD5 of what came, or the kind of fault. */
  const read = () =>
    web.md5(url, { maxBytes: 100_000, signal, onProgress }).then(
      ({ md5 }) => md5,
      error => (error instanceof Fault ? error.kind : String(error)),
    )
  return { read, asks }
}

/** Each connection ends after its number of bytes; the last one is honest. */
const breaking =
  (cuts: readonly number[], isReset: boolean, ...facts: string[]) =>
  (sendAndCut: SendAndCut): Script =>
  (ask, socket) => {
    const cut = cuts[ask.index]
    if (cut === undefined) return honest(content, ...facts)(ask, socket)
    const start = startOf(ask.headers)
    const end = Math.min(start + cut, size - 1)
    const range = contentRange(start, size - 1, size)
    const text = start === 0 ? ok(length(size), ...facts) : partial(length(size - start), range, ...facts)
    return sendAndCut(socket, { head: text, bytes: content.subarray(start, end), start, end }, isReset)
  }

/** Without knowing the reader: what is asked for next may lie a little before the cut. */
const blindly: SendAndCut = async (socket, { head: text, bytes }, isReset) => {
  await send(socket, text, bytes)
  await delay(20)
  if (isReset) socket.resetAndDestroy()
  else socket.end()
}

const strong = 'ETag: "v1"'

describe('X02: a body that breaks is gone on with', () => {
  const anyCuts = fc.array(fc.oneof(fc.constantFrom(0, 1, size - 1), fc.nat(size)), { maxLength: 3 })

  test('at any offsets: each request begins where the last one broke', async () => {
    const property = fc.asyncProperty(anyCuts, fc.boolean(), async (cuts, isReset) => {
      const { read, asks } = await cutSite(breaking(cuts, isReset, strong))
      expect(await read()).toBe(md5Of(content))
      expect(asks).toHaveLength(cuts.length + 1)
      let at = 0
      for (const [index, { headers }] of asks.entries()) {
        expect(headers.get('range')).toBe(at > 0 ? `bytes=${at}-` : undefined)
        expect(headers.get('if-range')).toBe(at > 0 ? '"v1"' : undefined)
        at = Math.min(at + (cuts[index] ?? 0), size - 1)
      }
    })
    await fc.assert(property, { numRuns: 20 })
  })

  test('at any offsets: the file on disk is the file', async () => {
    const property = fc.asyncProperty(anyCuts, async cuts => {
      const { web, url } = await site(breaking(cuts, false, strong)(blindly))
      expect(await fetched(web, url)).toBe(md5Of(content))
    })
    await fc.assert(property, { numRuns: 10 })
  })

  test('three times, not more', async () => {
    const { read, asks } = await cutSite(breaking([10, 10, 10, 10, 10], false, strong))
    expect(await read()).toBe('transient')
    expect(asks).toHaveLength(4)
  })

  test('after chunks of unknown length', async () => {
    const { read, asks } = await cutSite(sendAndCut => (ask, s) => {
      const beginning = { head: ok(chunks, strong), bytes: chunked(half, ''), end: 500 }
      return ask.index === 0 ? sendAndCut(s, beginning) : honest(content, strong)(ask, s)
    })
    expect(await read()).toBe(md5Of(content))
    expect(asks[1]?.headers.get('range')).toBe('bytes=500-')
  })

  test('after a server was away or busy for a moment', async () => {
    const { web, url } = await site((ask, s) => {
      if (ask.index === 1) return send(s, head('502 Bad Gateway', length(0)))
      if (ask.index === 2) return s.destroy()
      return breaking([300], false, strong)(blindly)(ask, s)
    })
    expect(await fetched(web, url)).toBe(md5Of(content))
  })

  test('not when the server asks for a wait, or says no: the URL may have expired', async () => {
    for (const [answer, kind] of [
      [head('503 Busy', length(0), 'Retry-After: 60'), 'transient'],
      [head('403 Forbidden', length(0)), 'rejected'],
      [head('404 Not Found', length(0)), 'not-found'],
    ] as const) {
      const { web, url, asks } = await site((ask, s) =>
        ask.index === 0 ? finish(s, ok(length(size), strong), half) : send(s, answer),
      )
      expect(await fetched(web, url)).toBe(kind)
      expect(asks).toHaveLength(2)
    }
  })
})

const dates = (lastModified: string, date: string) => [`Last-Modified: ${lastModified}`, `Date: ${date}`]
const old = 'Mon, 01 Sep 2025 10:00:00 GMT'
const now = 'Tue, 02 Sep 2025 10:00:00 GMT'

describe('X04: two versions never meet in one file', () => {
  const later = Buffer.from(content.toReversed())

  test.each([
    ['a strong ETag', ['ETag: "a"', ...dates(old, now)], '"a"'],
    ['a date, where the ETag is weak', ['ETag: W/"a"', ...dates(old, now)], old],
    ['a date alone', dates(old, now), old],
    ['nothing, where the ETag is weak', ['ETag: W/"a"'], undefined],
    ['nothing, where the date is of this second', dates(now, now), undefined],
    ['nothing, where there is no date of the answer', [`Last-Modified: ${old}`], undefined],
    ['nothing, where nothing was said', [], undefined],
    ['nothing, where the ETag has no quotes', ['ETag: abc'], undefined],
  ])('the resume is tied to %s', async (_, facts, validator) => {
    const { read, asks } = await cutSite(breaking([400], false, ...facts))
    expect(await read()).toBe(md5Of(content))
    expect(asks[1]?.headers.get('if-range')).toBe(validator)
    expect(asks[1]?.headers.get('range')).toBe(validator === undefined ? undefined : 'bytes=400-')
  })

  const beginning = { head: ok(length(size), strong, `Last-Modified: ${old}`), bytes: half, end: 500 }
  const second = (script: Script) =>
    cutSite(sendAndCut => (ask, s) => (ask.index === 0 ? sendAndCut(s, beginning) : script(ask, s)))

  test('Range ignored: from the beginning, nothing is appended', async () => {
    const { read, asks } = await second((_, s) => send(s, ok(length(size), strong), content))
    expect(await read()).toBe(md5Of(content))
    expect(asks).toHaveLength(2)
  })

  const changed: [string, Script][] = [
    ['another ETag in a whole answer', honest(later, 'ETag: "v2"')],
    [
      'another ETag in a part',
      (_, s) =>
        send(s, partial(length(500), contentRange(500, 999, size), 'ETag: "v2"'), later.subarray(500)),
    ],
    [
      'another total',
      (_, s) => send(s, partial(length(501), contentRange(500, 1_000, size + 1)), later.subarray(500), 'x'),
    ],
    [
      'another date',
      (_, s) =>
        send(
          s,
          partial(length(500), contentRange(500, 999, size), strong, ...dates(now, now)),
          later.subarray(500),
        ),
    ],
    [
      'an end that lies before us (416)',
      (_, s) => send(s, head('416 Range Not Satisfiable', 'Content-Range: bytes */400', length(0))),
    ],
  ]

  test.each(changed)('%s: from the beginning, once', async (_, script) => {
    const { read, asks } = await second((ask, s) =>
      (ask.index === 1 && ask.headers.has('range') ? script : honest(later))(ask, s),
    )
    expect(await read()).toBe(md5Of(later))
    expect(asks.at(-1)?.headers.has('range')).toBe(false)
  })

  test.each(changed)('%s, twice: given up', async (_, script) => {
    const { read, asks } = await cutSite(
      sendAndCut => (ask, s) => (ask.headers.has('range') ? script(ask, s) : sendAndCut(s, beginning)),
    )
    expect(await read()).toBe('transient')
    expect(asks).toHaveLength(4)
  })

  test.each<[string, Script]>([
    [
      'another start',
      (_, s) => send(s, partial(length(501), contentRange(499, 999, size)), content.subarray(499)),
    ],
    ['the start of the file', (_, s) => send(s, partial(length(size), contentRange(0, 999, size)), content)],
    [
      'an earlier end',
      (_, s) => send(s, partial(length(100), contentRange(500, 599, size)), content.subarray(500, 600)),
    ],
    ['no Content-Range', (_, s) => send(s, partial(length(500)), content.subarray(500))],
    [
      'an unknown total',
      (_, s) => send(s, partial(length(500), contentRange(500, 999, '*')), content.subarray(500)),
    ],
    [
      'another unit',
      (_, s) => send(s, partial(length(500), 'Content-Range: chars 500-999/1000'), content.subarray(500)),
    ],
    [
      'two ranges',
      (_, s) =>
        send(
          s,
          partial(length(500), contentRange(500, 999, size), contentRange(0, 1, size)),
          content.subarray(500),
        ),
    ],
    [
      'multipart/byteranges',
      (_, s) =>
        send(
          s,
          partial(length(500), 'Content-Type: multipart/byteranges; boundary=x'),
          content.subarray(500),
        ),
    ],
    [
      'a length that is not its range’s',
      (_, s) => send(s, partial(length(400), contentRange(500, 999, size)), content.subarray(500, 900)),
    ],
    [
      'chunks with too much in them',
      (_, s) => send(s, partial(chunks, contentRange(500, 999, size)), chunked(content)),
    ],
    [
      'another start, though as many bytes as are missing',
      (_, s) => send(s, partial(chunks, contentRange(499, 999, size)), chunked(half)),
    ],
    [
      'an earlier end, though as many bytes as are missing',
      (_, s) => send(s, partial(chunks, contentRange(500, 998, size)), chunked(half)),
    ],
  ])('a part with %s is not kept', async (_, script) => {
    const { read, asks } = await second(script)
    expect(await read()).toBe('transient')
    expect(asks).toHaveLength(2)
  })

  test('a part that ends early, properly, is gone on with', async () => {
    const { read, asks } = await second((ask, s) => {
      if (ask.index > 1) return honest(content, strong)(ask, s)
      return send(
        s,
        partial(chunks, contentRange(500, 999, size), strong),
        chunked(content.subarray(500, 700)),
      )
    })
    expect(await read()).toBe(md5Of(content))
    expect(asks[2]?.headers.get('range')).toBe('bytes=700-')
  })

  test('an encoded part is refused', async () => {
    const encoded: Script = (_, s) =>
      send(
        s,
        partial(length(500), contentRange(500, 999, size), 'Content-Encoding: gzip'),
        content.subarray(500),
      )
    const { read } = await second(encoded)
    expect(await read()).toBe('rejected')
  })
})

describe('X06: a server that is too slow is left', () => {
  const slow = async (script: Script, timeouts: object) => {
    const { web, url } = await site(script, { timeouts })
    const dir = await tempDir()
    const error: unknown = await spool(web, url, dir).catch(fault => fault)
    expect(await readdir(dir)).toEqual([])
    expect(error).toBeInstanceOf(Fault)
    expect(error).toMatchObject({ kind: 'transient' })
    return String(error)
  }
  const dripping =
    (everyMs: number): Script =>
    async (_, socket) => {
      await send(socket, ok(length(size), strong))
      for (const byte of content) {
        if (socket.destroyed) return
        await send(socket, Uint8Array.of(byte))
        await delay(everyMs)
      }
    }

  test('no answer', async () => {
    expect(await slow(() => {}, { connectMs: 50, headMs: 50 })).toContain('no answer after 100 ms')
  })

  test('a head byte by byte', async () => {
    const script: Script = async (_, socket) => {
      for (const byte of ok(length(size))) {
        if (socket.destroyed) return
        await send(socket, byte)
        await delay(20)
      }
    }
    expect(await slow(script, { connectMs: 100, headMs: 100 })).toContain('no answer')
  })

  test('silence in the body', async () => {
    const script: Script = (_, s) => send(s, ok(length(size)), half)
    expect(await slow(script, { noProgressMs: 100 })).toContain('not a byte for 100 ms')
  })

  test('a drip, which is never silent for long', async () => {
    const timeouts = { noProgressMs: 2_000, speedWindowMs: 200, minBytesPerSecond: 1_000 }
    expect(await slow(dripping(20), timeouts)).toContain('slower than 1000 bytes a second')
  })

  test('all of it together', async () => {
    expect(await slow(dripping(20), { totalMs: 150, minBytesPerSecond: 1 })).toContain(
      'not done after 150 ms',
    )
  })

  test('slow and steady is fine', async () => {
    const script: Script = async (_, socket) => {
      await send(socket, ok(length(size)))
      for (let at = 0; at < size; at += 100) {
        await send(socket, content.subarray(at, at + 100))
        await delay(20)
      }
    }
    const { web, url } = await site(script, {
      timeouts: { speedWindowMs: 100, minBytesPerSecond: 100, noProgressMs: 1_000 },
    })
    expect(await fetched(web, url)).toBe(md5Of(content))
  })
})

describe('a caller that gives up', () => {
  const reason = new Fault('cancelled', 'enough')

  test.each<[string, Script]>([
    ['before the answer', () => {}],
    ['inside the body', (_, s) => send(s, ok(length(size), strong), half)],
    ['between two tries', (_, s) => finish(s, ok(length(size), strong), half)],
  ])('%s gets its own reason, and nothing is left', async (_, script) => {
    const { web, url } = await site(script, { timeouts: { resumeGapsMs: [60_000] } })
    const dir = await tempDir()
    const controller = new AbortController()
    const work = web.spool(url, { dir, id: 'job', maxBytes: 10_000, signal: controller.signal })
    const ending = work.catch(error => error)
    await delay(60)
    controller.abort(reason)
    expect(await ending).toBe(reason)
    expect(await readdir(dir)).toEqual([])
  })

  test('before anything gets it at once', async () => {
    const { web, url, asks } = await site(honest(content))
    const options = { dir: await tempDir(), id: 'job', maxBytes: 10_000, signal: AbortSignal.abort(reason) }
    await expect(web.spool(url, options)).rejects.toBe(reason)
    await expect(web.probe(url, options.signal)).rejects.toBe(reason)
    expect(asks).toEqual([])
  })
})

describe('the spool file', () => {
  test('belongs to its user alone, has the name of a partial, is read as often as needed', async () => {
    const { web, url } = await site(honest(content))
    const dir = await tempDir()
    const [one, other] = [await spool(web, url, dir), await spool(web, url, dir)]
    const names = await readdir(dir)
    expect(names).toHaveLength(2)
    for (const name of names) {
      expect(name).toMatch(/^job\.[0-9a-f]{16}\.part$/)
      expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600)
    }
    expect([await buffer(await one.open()), await buffer(await one.open())]).toEqual([content, content])
    expect(await one.read(990, 100)).toEqual(content.subarray(990))
    await Promise.all([one.close(), one.close()])
    expect(await readdir(dir)).toHaveLength(1)
    await other.close()
    expect(await readdir(dir)).toEqual([])
  })

  test('of a killed worker is swept', async () => {
    const { web, url } = await site(honest(content))
    const dir = await tempDir()
    const source = await spool(web, url, dir)
    const [name = ''] = await readdir(dir)
    await utimes(join(dir, name), 1, 1)
    expect(await sweepPartials(dir, 60_000, 1_000_000)).toBe(1)
    await source.close()
  })

  test('needs a folder, and an id that can be part of a name', async () => {
    const { web, url, asks } = await site(honest(content))
    expect(await kindOf(() => spool(web, url, '/does/not/exist'))).toBe('config')
    const options = { dir: await tempDir(), id: '../x', maxBytes: 1, signal }
    expect(await kindOf(() => web.spool(url, options))).toBe('invalid')
    expect(asks).toEqual([])
  })
})

describe('the name', () => {
  test.each([
    ['/a/photo.jpg', '', 'photo.jpg'],
    ['/a/%E5%9B%BE%20%E7%89%87.png?x=/y.gif', '', '图 片.png'],
    ['/a/图.png', '', '图.png'],
    ['/a/%ff.png', '', '%ff.png'],
    ['/a/..%2f..%2fetc%2fpasswd', '', 'passwd'],
    ['/a/%00%0a', '', 'file'],
    ['/', '', 'file'],
    ['/a/', '', 'file'],
    ['/a.jpg', 'inline', 'a.jpg'],
    ['/a.jpg', 'attachment; filename="b.png"', 'b.png'],
    ['/a.jpg', 'attachment; filename=b.png', 'b.png'],
    ['/a.jpg', 'attachment; filename="图.png"', '图.png'],
    ['/a.jpg', "attachment; filename=b.png; filename*=UTF-8''%E5%9B%BE.png", '图.png'],
    ['/a.jpg', "attachment; filename=b.png; filename*=utf-8'zh'%zz", '%zz'],
    ['/a.jpg', "attachment; filename=b.png; filename*=koi8-r''%C1", 'b.png'],
    ['/a.jpg', 'attachment; filename="../../etc/passwd"', 'passwd'],
    ['/a.jpg', 'attachment; filename="C:\\\\x\\\\y.txt"', 'y.txt'],
    ['/a.jpg', 'attachment; filename="con"', '_con'],
    ['/a.jpg', 'attachment; filename=""', 'a.jpg'],
    ['/a.jpg', 'no/syntax/at all', 'a.jpg'],
  ])('of %s with %j is %j', async (path, disposition, name) => {
    const facts =
      disposition === '' ? [] : [`Content-Disposition: ${Buffer.from(disposition).toString('latin1')}`]
    const { web, port } = await site(honest(content, ...facts))
    const source = await spool(web, `http://127.0.0.1:${port}${path}`, await tempDir())
    atEnd(() => source.close())
    expect(source.name).toBe(name)
  })

  test('is that of the URL that was asked for, not of the one it led to', async () => {
    const { web, url } = await site((ask, s) =>
      ask.index === 0 ? send(s, head('302 Found', length(0), 'Location: /0a1b2c')) : honest(content)(ask, s),
    )
    const source = await spool(web, url, await tempDir())
    atEnd(() => source.close())
    expect(source.name).toBe('photo.jpg')
  })

  test('never fails, whatever the header says', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 60 }), async text => {
        const { webName } = await import('../../src/files/web-name.ts')
        const url = new URL('https://h.example.com/x.jpg')
        const name = webName(`attachment; filename=${text}`, url, url)
        expect(name).not.toMatch(/^$|[/\\\0]/)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(180)
      }),
      { numRuns: 300 },
    ))
})

describe('probe', () => {
  test('tells length, type and name with one byte', async () => {
    const { web, url, asks } = await site(honest(content, 'Content-Type: image/jpeg'))
    expect(await web.probe(url, signal)).toEqual({
      totalBytes: size,
      contentType: 'image/jpeg',
      name: 'photo.jpg',
    })
    expect(asks.map(({ headers }) => headers.get('range'))).toEqual(['bytes=0-0'])
  })

  test.each<[string, string, Script]>([
    ['the whole file', 'rejected', (_, s) => send(s, ok(length(size)), content)],
    ['an endless file', 'rejected', (_, s) => send(s, ok(chunks), chunked(content, ''))],
    ['two bytes', 'rejected', (_, s) => send(s, partial(length(2), contentRange(0, 1, size)), 'xx')],
    ['another byte', 'rejected', (_, s) => send(s, partial(length(1), contentRange(1, 1, size)), 'x')],
    ['no total', 'rejected', (_, s) => send(s, partial(length(1), contentRange(0, 0, '*')), 'x')],
    ['no Content-Range', 'rejected', (_, s) => send(s, partial(length(1)), 'x')],
    ['an encoded byte', 'rejected', honest(content, 'Content-Encoding: gzip')],
    [
      '416, as for an empty file',
      'invalid',
      (_, s) => send(s, head('416 No', 'Content-Range: bytes */0', length(0))),
    ],
    ['404', 'not-found', (_, s) => send(s, head('404 Not Found', length(0)))],
    ['500', 'transient', (_, s) => send(s, head('500 Oops', length(0)))],
  ])('refuses %s: %s', async (_, kind, script) => {
    const { web, url } = await site(script)
    expect(await kindOf(() => web.probe(url, signal))).toBe(kind)
  })

  test('says that WeCom needs ranges, as a fault of ours', async () => {
    const { web, url } = await site((_, s) => send(s, ok(length(size)), content))
    const error: unknown = await web.probe(url, signal).catch(fault => fault)
    expect(error).toMatchObject({ kind: 'rejected', errcode: undefined })
    expect(String(error)).toMatch(/Range.*WeCom/)
  })
})

describe('md5', () => {
  test('is that of the whole file, with progress', async () => {
    const { web, url } = await site(honest(content))
    const seen: { doneBytes: number; totalBytes?: number }[] = []
    const options = {
      maxBytes: size,
      signal,
      onProgress: (progress: (typeof seen)[number]) => void seen.push(progress),
    }
    expect(await web.md5(url, options)).toEqual({ md5: md5Of(content), sizeBytes: size })
    expect(seen.at(-1)).toEqual({ doneBytes: size, totalBytes: size })
  })

  test('goes on after a cut, and begins anew where the file changed', async () => {
    const { web, url } = await site(breaking([100, 200], false, strong)(blindly))
    expect(await web.md5(url, { maxBytes: size, signal })).toEqual({ md5: md5Of(content), sizeBytes: size })
    const later = someBytes(700)
    const other = await site((ask, s) => {
      const beginning = { head: ok(length(size), strong), bytes: half, end: 500 }
      return ask.index === 0 ? blindly(s, beginning) : honest(later, 'ETag: "v2"')(ask, s)
    })
    const options = { maxBytes: size, signal }
    expect(await other.web.md5(other.url, options)).toEqual({ md5: md5Of(later), sizeBytes: 700 })
  })

  test('keeps to the cap', async () => {
    const { web, url } = await site(honest(content))
    expect(await kindOf(() => web.md5(url, { maxBytes: size - 1, signal }))).toBe('too-big')
  })
})

describe('openSource', () => {
  test('spools a URL', async () => {
    const { web, url } = await site(honest(content))
    const dir = await tempDir()
    const source = await openSource(
      { url },
      { roots: [], web, spoolDir: dir, id: 'j1', maxBytes: size, signal },
    )
    expect(await buffer(await source.open())).toEqual(content)
    const [name = ''] = await readdir(dir)
    expect(name).toMatch(/^j1\./)
    expect(await readFile(join(dir, name))).toEqual(content)
    await source.close()
    expect(await readdir(dir)).toEqual([])
  })

  test('refuses a URL where URLs are not fetched, and one without a folder for it', async () => {
    const { web, url } = await site(honest(content))
    const error: unknown = await openSource({ url }, { roots: [] }).catch(fault => fault)
    expect(error).toMatchObject({ kind: 'forbidden-address' })
    expect(String(error)).toContain('WECOM_MEDIA_URLS')
    expect(await kindOf(() => openSource({ url }, { roots: [], web }))).toBe('config')
  })
})

test('a proxy of the environment is not used', async () => {
  const before = { ...process.env }
  atEnd(() =>
    Object.assign(process.env, {
      http_proxy: before['http_proxy'] ?? '',
      HTTP_PROXY: before['HTTP_PROXY'] ?? '',
    }),
  )
  Object.assign(process.env, { http_proxy: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' })
  const { web, url } = await site(honest(content))
  expect(await fetched(web, url)).toBe(md5Of(content))
})
