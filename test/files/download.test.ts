import { once } from 'node:events'
import { appendFile, copyFile, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { type DownloadOptions, download, type FetchSlice, type Slice } from '../../src/files/download.ts'
import { sweepPartials } from '../../src/files/partial-names.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'
import {
  always,
  cutAfter,
  folder,
  inPieces,
  platform,
  rangeAnswer,
  sha256Of,
  someBytes,
  wholeAnswer,
} from './platform.ts'

const sliceBytes = 4_096
const content = someBytes(sliceBytes * 4 + 1_234)

const optionsFor = (
  dir: string,
  fetch: FetchSlice,
  more: Partial<DownloadOptions> = {},
): DownloadOptions => ({
  dir,
  id: 'job-1',
  fetch,
  sliceBytes,
  signal: new AbortController().signal,
  ...more,
})

const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
  const error = await work.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Fault)
  return error as Fault
}

const leftovers = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).map(name => name.replace(/\.[0-9a-f]{16}\./, '.RANDOM.')).sort()

/** Downloads, publishes, and tells what a reader of the folder finds. */
const published = async (options: DownloadOptions) => {
  const result = await download(options)
  const path = await result.publish('final.bin', always)
  return { result, bytes: await readFile(path) }
}

describe('a download in slices', () => {
  test.each([1, 3])('brings the same bytes, %i at a time, and leaves only the file', async parallel => {
    const dir = await tempDir()
    const { fetch, calls } = platform(content)
    const { result, bytes } = await published(optionsFor(dir, fetch, { parallel }))
    expect(bytes.equals(content)).toBe(true)
    expect(result).toMatchObject({
      sizeBytes: content.length,
      sha256: sha256Of(content),
      name: '报告.pdf',
      contentType: 'application/pdf',
      resumedBytes: 0,
    })
    expect(calls.map(({ start }) => start).sort((a, b) => a - b)).toEqual(
      [0, 1, 2, 3, 4].map(n => n * sliceBytes),
    )
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('of any size asks for each byte once', async () => {
    const dir = await tempDir()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 4 }),
        async (length, parallel) => {
          const bytes = someBytes(length)
          const { fetch, calls } = platform(bytes)
          const done = await published(optionsFor(dir, fetch, { sliceBytes: 16, parallel }))
          expect(done.bytes.equals(bytes)).toBe(true)
          expect(calls.length).toBe(Math.ceil(length / 16))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('never has more slices on the way than asked for, and really has several', async () => {
    const dir = await tempDir()
    let running = 0
    let most = 0
    const { fetch } = platform(content, answer => {
      running += 1
      most = Math.max(most, running)
      answer.body.once('close', () => {
        running -= 1
      })
      return answer
    })
    await (await download(optionsFor(dir, fetch, { parallel: 3 }))).discard()
    expect(most).toBe(3)
  })

  test('without a hash asked for gives none', async () => {
    const dir = await tempDir()
    const { result } = await published(optionsFor(dir, platform(content).fetch, { hash: false }))
    expect(result).not.toHaveProperty('sha256')
  })

  test('reports progress up to the whole', async () => {
    const dir = await tempDir()
    const seen: { doneBytes: number; totalBytes?: number }[] = []
    const onProgress = (progress: (typeof seen)[number]) => seen.push(progress)
    await published(optionsFor(dir, platform(content).fetch, { onProgress }))
    expect(seen.at(-1)).toEqual({ doneBytes: content.length, totalBytes: content.length })
    expect(seen.every(({ doneBytes }, index) => doneBytes > (seen[index - 1]?.doneBytes ?? 0))).toBe(true)
  })
})

describe('X04: an answer that is not the slice asked for', () => {
  const second =
    (change: (answer: Slice) => Partial<Slice>) =>
    (answer: Slice, { index }: { index: number }) =>
      index === 1 ? { ...answer, ...change(answer) } : answer
  const range = (start: number, end: number, totalBytes = content.length) => ({
    range: { start, end, totalBytes },
  })
  const body = (bytes: Uint8Array) => ({ body: inPieces(bytes) })
  const from = (start: number, length: number) => content.subarray(start, start + length)

  const rows: [string, (answer: Slice) => Partial<Slice>][] = [
    ['starts later', () => range(sliceBytes + 1, 2 * sliceBytes - 1)],
    ['starts at 0', () => range(0, sliceBytes - 1)],
    ['ends early', () => range(sliceBytes, 2 * sliceBytes - 2)],
    ['ends late', () => range(sliceBytes, 2 * sliceBytes)],
    [
      'is shorter by a block, and says so everywhere',
      () => ({
        ...range(sliceBytes, 2 * sliceBytes - 17),
        lengthBytes: sliceBytes - 16,
        ...body(from(sliceBytes, sliceBytes - 16)),
      }),
    ],
    ['ends before it starts', () => range(sliceBytes, sliceBytes - 1)],
    ['has no range', () => ({ range: undefined }) as unknown as Partial<Slice>],
    ['has no frame', () => ({ framed: false })],
    ['announces another length', () => ({ lengthBytes: sliceBytes - 1 })],
    ['has a body too short by one', () => body(from(sliceBytes, sliceBytes - 1))],
    ['has a body too long by one', () => body(from(sliceBytes, sliceBytes + 1))],
    ['has no body', () => body(Buffer.alloc(0))],
    ['breaks in the body', () => ({ body: cutAfter(from(sliceBytes, sliceBytes), 100) })],
    ['breaks before the body', () => ({ body: cutAfter(content, 0) })],
  ]

  test.each(rows)('is refused when it %s; verified slices stay', async (_, change) => {
    const dir = await tempDir()
    const broken = platform(content, second(change))
    expect(await faultOf(download(optionsFor(dir, broken.fetch)))).toMatchObject({ kind: 'transient' })
    expect(await leftovers(dir)).toEqual(['job-1.RANDOM.part', 'job-1.RANDOM.part.slices'])

    const healed = platform(content)
    const { result, bytes } = await published(optionsFor(dir, healed.fetch))
    expect(bytes.equals(content)).toBe(true)
    expect(result.sha256).toBe(sha256Of(content))
    expect(result.resumedBytes).toBe(sliceBytes)
    expect(healed.calls[0]?.start).toBe(sliceBytes)
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('a first slice that is refused leaves nothing', async () => {
    const dir = await tempDir()
    const { fetch } = platform(content, answer => ({ ...answer, framed: false }))
    await faultOf(download(optionsFor(dir, fetch)))
    expect(await readdir(dir)).toEqual([])
  })

  test('a body that fails before anyone reads it is a fault, not an uncaught error', async () => {
    const dir = await tempDir()
    const { fetch } = platform(content, answer => {
      const body = new PassThrough()
      process.nextTick(() => body.destroy(new Error('reset')))
      return { ...answer, body }
    })
    expect(await faultOf(download(optionsFor(dir, fetch)))).toMatchObject({ kind: 'transient' })
  })
})

describe('a total that changes', () => {
  const other = someBytes(content.length + 7)

  test.each([1, 3])('starts over once, and never mixes two files (%i at a time)', async parallel => {
    const dir = await tempDir()
    const { fetch } = platform(content, (_, { index, start, end }) =>
      rangeAnswer(index < 2 ? content : other, start, end),
    )
    const { result, bytes } = await published(optionsFor(dir, fetch, { parallel }))
    expect(bytes.equals(other)).toBe(true)
    expect(result.sha256).toBe(sha256Of(other))
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('twice is a fault, and nothing is kept', async () => {
    const dir = await tempDir()
    const { fetch } = platform(content, (_, { index, start, end }) =>
      rangeAnswer(index % 2 === 0 ? content : other, start, end),
    )
    expect(await faultOf(download(optionsFor(dir, fetch)))).toMatchObject({ kind: 'transient' })
    expect(await readdir(dir)).toEqual([])
  })

  test('between two attempts starts over', async () => {
    const dir = await tempDir()
    const first = platform(content, (answer, { index }) =>
      index === 2 ? { ...answer, framed: false } : answer,
    )
    await faultOf(download(optionsFor(dir, first.fetch)))
    const { result, bytes } = await published(optionsFor(dir, platform(other).fetch))
    expect(bytes.equals(other)).toBe(true)
    expect(result.resumedBytes).toBe(0)
  })
})

describe('a 200 instead of a slice', () => {
  test.each([
    ['with a length', wholeAnswer(content)],
    ['in chunks', { ...wholeAnswer(content), lengthBytes: undefined } as unknown as Slice],
  ])('at the first call is taken whole, %s', async (_, answer) => {
    const dir = await tempDir()
    const { fetch, calls } = platform(content, () => answer)
    const { result, bytes } = await published(optionsFor(dir, fetch))
    expect(bytes.equals(content)).toBe(true)
    expect(result).toMatchObject({ sizeBytes: content.length, sha256: sha256Of(content), name: 'whole.bin' })
    expect(calls.length).toBe(1)
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test.each([1, 3])('at a later call replaces everything, appends nothing (%i at a time)', async parallel => {
    const dir = await tempDir()
    const { fetch } = platform(content, (answer, { index }) => (index === 2 ? wholeAnswer(content) : answer))
    const { result, bytes } = await published(optionsFor(dir, fetch, { parallel }))
    expect(bytes.equals(content)).toBe(true)
    expect(result.sha256).toBe(sha256Of(content))
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('after a resumed beginning replaces what was resumed', async () => {
    const dir = await tempDir()
    const first = platform(content, (answer, { index }) =>
      index === 2 ? { ...answer, framed: false } : answer,
    )
    await faultOf(download(optionsFor(dir, first.fetch)))
    const other = someBytes(3_000)
    const { bytes } = await published(optionsFor(dir, platform(other, () => wholeAnswer(other)).fetch))
    expect(bytes.equals(other)).toBe(true)
  })

  const refusals: [string, Partial<Slice>][] = [
    ['ends early', { body: inPieces(content.subarray(1)) }],
    ['breaks', { body: cutAfter(content, 5_000) }],
    ['is too long', { lengthBytes: content.length - 1 }],
    ['is close-delimited (X05)', { framed: false, lengthBytes: undefined } as unknown as Partial<Slice>],
    ['is empty', { lengthBytes: 0, body: inPieces(Buffer.alloc(0)) }],
  ]
  test.each(refusals)('that %s is refused and leaves nothing', async (_, change) => {
    const dir = await tempDir()
    const { fetch } = platform(content, () => wholeAnswer(content, change))
    expect(await faultOf(download(optionsFor(dir, fetch)))).toMatchObject({ kind: 'transient' })
    expect(await readdir(dir)).toEqual([])
  })
})

describe('a cap on size', () => {
  const rows: [string, (answer: Slice) => Slice][] = [
    ['in the range', answer => answer],
    ['in the length of a whole body', () => wholeAnswer(content)],
    [
      'only while bytes flow',
      () => ({ ...wholeAnswer(content), lengthBytes: undefined }) as unknown as Slice,
    ],
  ]
  test.each(rows)('holds when it shows %s', async (_, script) => {
    const dir = await tempDir()
    const { fetch, calls } = platform(content, script)
    const fault = await faultOf(download(optionsFor(dir, fetch, { maxBytes: content.length - 1 })))
    expect(fault.kind).toBe('too-big')
    expect(calls.length).toBe(1)
    expect(await readdir(dir)).toEqual([])
  })

  test('lets a file of exactly that size through', async () => {
    const dir = await tempDir()
    const { bytes } = await published(optionsFor(dir, platform(content).fetch, { maxBytes: content.length }))
    expect(bytes.length).toBe(content.length)
  })
})

describe('going on after a crash', () => {
  const listIn = async (dir: string): Promise<string> =>
    join(dir, (await readdir(dir)).find(name => name.endsWith('.slices')) ?? '')

  /** Leaves so many listed slices behind: the one after them is garbled. */
  const interrupted = async (
    count = 3,
    parallel = 1,
  ): Promise<{ dir: string; bytes: string; list: string }> => {
    const dir = await tempDir()
    const { fetch } = platform(content, (answer, { index }) =>
      index === count ? { ...answer, framed: false } : answer,
    )
    const lines = async () =>
      (await readFile(await listIn(dir), 'utf8').catch(() => '')).split('\n').length - 2
    const afterOthers: FetchSlice = async (range, signal) => {
      if (range.start === count * sliceBytes)
        await until('all before it are listed', async () => (await lines()) === count)
      return fetch(range, signal)
    }
    await faultOf(download(optionsFor(dir, afterOthers, { parallel })))
    const list = await listIn(dir)
    return { dir, bytes: list.replace('.slices', ''), list }
  }
  const goOn = async (dir: string, more: Partial<DownloadOptions> = {}) => {
    const { fetch, calls } = platform(content)
    const { result, bytes } = await published(optionsFor(dir, fetch, more))
    expect(bytes.equals(content)).toBe(true)
    expect(result.sha256).toBe(sha256Of(content))
    expect(await readdir(dir)).toEqual(['final.bin'])
    return { result, asked: calls.map(({ start }) => start / sliceBytes) }
  }

  test('fetches only what is not on disk', async () => {
    const { dir } = await interrupted()
    const { result, asked } = await goOn(dir)
    expect(asked).toEqual([3, 4])
    expect(result).toMatchObject({ resumedBytes: 3 * sliceBytes, name: '报告.pdf' })
  })

  test('keeps the slice size it began with', async () => {
    const { dir } = await interrupted()
    expect((await goOn(dir, { sliceBytes: 16 * 1_024 })).asked).toEqual([3, 4])
  })

  const flip = async (path: string, at: number): Promise<void> => {
    const onDisk = await readFile(path)
    onDisk[at] = (onDisk[at] ?? 0) ^ 1
    await writeFile(path, onDisk)
  }

  test('fetches a slice again whose bytes changed on disk, and those that were hashed together with it', async () => {
    const { dir, bytes } = await interrupted()
    await flip(bytes, sliceBytes + 5)
    expect((await goOn(dir)).asked).toEqual([1, 2, 3, 4])
  })

  test('of slices that came side by side each stands for itself', async () => {
    const { dir, bytes } = await interrupted(4, 3)
    await flip(bytes, sliceBytes + 5)
    expect((await goOn(dir)).asked).toEqual([1, 4])
  })

  test('fetches again what the disk lost', async () => {
    const { dir, bytes } = await interrupted()
    await truncate(bytes, sliceBytes + 100)
    expect((await goOn(dir)).asked).toEqual([1, 2, 3, 4])
  })

  test.each([
    ['a torn last line', '12288 40'],
    ['a line of another grid', `100 ${sliceBytes} ${'0'.repeat(64)}\n`],
    ['a line beyond the end', `${sliceBytes * 50} ${sliceBytes} ${'0'.repeat(64)}\n`],
    ['a line with a short length', `12288 5 ${'0'.repeat(64)}\n`],
    ['noise', '\0\0\0\n{}\n\n'],
  ])('is not misled by %s', async (_, text) => {
    const { dir, list } = await interrupted()
    await appendFile(list, text)
    expect((await goOn(dir)).asked).toEqual([3, 4])
  })

  test.each([
    ['no header', ''],
    ['a foreign header', '{"totalBytes":5}\n'],
    ['a header of impossible sizes', '{"wecomMediaSlices":1,"totalBytes":-5,"sliceBytes":17}\n'],
  ])('begins anew with %s', async (_, text) => {
    const { dir, list } = await interrupted()
    await writeFile(list, text)
    expect((await goOn(dir)).asked).toEqual([0, 1, 2, 3, 4])
  })

  test('needs no call when only the publishing was missing', async () => {
    const dir = await tempDir()
    const claimLost = new Fault('transient', 'claim lost')
    const done = await download(optionsFor(dir, platform(content).fetch))
    await expect(done.publish('final.bin', () => Promise.reject(claimLost))).rejects.toBe(claimLost)
    expect(await leftovers(dir)).toEqual(['job-1.RANDOM.part', 'job-1.RANDOM.part.slices'])
    expect((await goOn(dir)).asked).toEqual([])
  })

  test('takes the attempt that came farthest and removes the rest, but no other job’s', async () => {
    const { dir, list, bytes } = await interrupted()
    const short = join(dir, 'job-1.0000000000000000.part')
    const [header = '', first = ''] = (await readFile(list, 'utf8')).split('\n')
    await writeFile(`${short}.slices`, `${header}\n${first}\n`)
    await copyFile(bytes, short)
    await writeFile(join(dir, 'job-1.1111111111111111.part'), 'never listed')
    const foreign = [
      'job-10.0000000000000000.part',
      'job.0000000000000000.part',
      'job-1.part',
      'x.job-1.0.part',
    ]
    for (const name of foreign) await writeFile(join(dir, name), 'foreign')
    const { fetch, calls } = platform(content)
    await published(optionsFor(dir, fetch))
    expect(calls.map(({ start }) => start / sliceBytes)).toEqual([3, 4])
    expect(await readdir(dir)).toEqual(['final.bin', ...foreign].sort())
  })

  test('X02: broken anywhere, any number of times, it ends with the same bytes and never asks twice for a slice it has', async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: content.length }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 1, max: 3 }), async (offsets, parallel) => {
        const dir = await tempDir()
        const whole = new Set<number>()
        const waiting = [...offsets]
        const { fetch } = platform(content, async (answer, { start }) => {
          expect(whole.has(start)).toBe(false)
          const keep = (waiting[0] ?? Number.POSITIVE_INFINITY) - start
          const length = answer.lengthBytes ?? 0
          if (keep < 0 || keep >= length) {
            answer.body.once('end', () => parallel === 1 && whole.add(start))
            return answer
          }
          waiting.shift()
          return { ...answer, body: cutAfter(content.subarray(start), keep) }
        })
        const attempt = () => published(optionsFor(dir, fetch, { parallel })).catch(() => undefined)
        let done = await attempt()
        for (let tries = 0; done === undefined && tries < offsets.length; tries += 1) done = await attempt()
        expect(done?.bytes.equals(content)).toBe(true)
        expect(done?.result.sha256).toBe(sha256Of(content))
        expect(await readdir(dir)).toEqual(['final.bin'])
      }),
      { numRuns: 30 },
    )
  })
})

describe('a frozen predecessor that wakes up', () => {
  test('cannot change the successor’s file', async () => {
    const dir = await tempDir()
    const body = new PassThrough()
    const frozen = platform(content, (answer, { index }) => (index === 1 ? { ...answer, body } : answer))
    const old = download(optionsFor(dir, frozen.fetch))
    await expect.poll(() => frozen.calls.length).toBe(2)

    const successor = await download(optionsFor(dir, platform(content).fetch))
    body.end(Buffer.alloc(sliceBytes, 'x'))
    const zombie = await old
    const path = await successor.publish('final.bin', always)
    expect(await faultOf(zombie.publish('final.bin', always))).toMatchObject({ kind: 'transient' })
    expect((await readFile(path)).equals(content)).toBe(true)
    expect(successor.resumedBytes).toBe(sliceBytes)
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('publishes nothing of the successor’s', async () => {
    const dir = await tempDir()
    const old = await download(optionsFor(dir, platform(content).fetch))
    const stopped = platform(content, () => ({ ...wholeAnswer(content), body: cutAfter(content, 10) }))
    await writeFile(join(dir, 'unrelated'), '')
    // The successor has taken over and is still incomplete when the old one gets to its rename.
    const takeOver = async () => {
      const names = await readdir(dir)
      await Promise.all(
        names.filter(name => name.endsWith('.slices')).map(name => writeFile(join(dir, name), '')),
      )
      await faultOf(download(optionsFor(dir, stopped.fetch)))
    }
    expect(await faultOf(old.publish('final.bin', takeOver))).toMatchObject({ kind: 'transient' })
    expect(await readdir(dir)).toEqual(['unrelated'])
  })
})

describe('an abort', () => {
  test.each([
    1, 3,
  ])('ends every slice on the way with its reason and keeps what was verified (%i at a time)', async parallel => {
    const dir = await tempDir()
    const abort = new AbortController()
    const stalled: PassThrough[] = []
    const { fetch } = platform(content, (answer, { index }) => {
      if (index === 0) return answer
      const body = new PassThrough()
      stalled.push(body)
      body.write('x')
      if (stalled.length === parallel)
        setImmediate(() => abort.abort(new Fault('transient', 'shutting down')))
      return { ...answer, body }
    })
    const fault = await faultOf(download(optionsFor(dir, fetch, { parallel, signal: abort.signal })))
    expect(fault.message).toBe('shutting down')
    expect(stalled.every(body => body.destroyed)).toBe(true)
    expect(await leftovers(dir)).toEqual(['job-1.RANDOM.part', 'job-1.RANDOM.part.slices'])
  })

  test('that cancels the job keeps nothing', async () => {
    const dir = await tempDir()
    const abort = new AbortController()
    const { fetch } = platform(content, (answer, { index }) => {
      if (index === 2) abort.abort(new Fault('cancelled', 'cancelled'))
      return answer
    })
    expect((await faultOf(download(optionsFor(dir, fetch, { signal: abort.signal })))).kind).toBe('cancelled')
    expect(await readdir(dir)).toEqual([])
  })

  test('before the start makes no call', async () => {
    const dir = await tempDir()
    const { fetch, calls } = platform(content)
    const signal = AbortSignal.abort(new Fault('expired', 'too late'))
    expect((await faultOf(download(optionsFor(dir, fetch, { signal })))).kind).toBe('expired')
    expect(calls).toEqual([])
  })

  test('of one failing slice ends its siblings', async () => {
    const dir = await tempDir()
    const siblings: PassThrough[] = []
    const { fetch } = platform(content, async (answer, { index }) => {
      if (index === 0) return answer
      if (siblings.length === 2) throw new Fault('busy', 'too many at once')
      const body = new PassThrough()
      siblings.push(body)
      body.write('x')
      await once(body, 'readable')
      return { ...answer, body }
    })
    expect((await faultOf(download(optionsFor(dir, fetch, { parallel: 3 })))).kind).toBe('busy')
    expect(siblings.every(body => body.destroyed)).toBe(true)
  })
})

test('a media_id that is gone meanwhile leaves nothing', async () => {
  const dir = await tempDir()
  const { fetch } = platform(content, (answer, { index }) => {
    if (index === 2) throw new Fault('gone', 'expired')
    return answer
  })
  expect((await faultOf(download(optionsFor(dir, fetch)))).kind).toBe('gone')
  expect(await readdir(dir)).toEqual([])
})

describe('publishing', () => {
  test('asks last, when all bytes are there under the partial name', async () => {
    const dir = await tempDir()
    const done = await download(optionsFor(dir, platform(content).fetch))
    await done.publish('final.bin', async () => {
      const files = [...(await folder(dir))]
      expect(files.map(([name]) => name)).not.toContain('final.bin')
      expect(files.some(([, bytes]) => bytes.equals(content))).toBe(true)
    })
    expect(await readdir(dir)).toEqual(['final.bin'])
  })

  test('refuses a file whose length is another one by then', async () => {
    const dir = await tempDir()
    const done = await download(optionsFor(dir, platform(content).fetch))
    const partial = (await readdir(dir)).find(name => name.endsWith('.part')) ?? ''
    await truncate(join(dir, partial), content.length - 1)
    expect((await faultOf(done.publish('final.bin', always))).kind).toBe('transient')
    expect(await readdir(dir)).not.toContain('final.bin')
  })

  const notNames = ['', '.', '..', '../x', 'a/b', '/etc/x', 'a\\b', 'a\0b', 'a/', './a']
  test.each(notNames)('refuses %j as a name', async name => {
    const dir = await tempDir()
    const done = await download(optionsFor(dir, platform(content).fetch))
    expect((await faultOf(done.publish(name, always))).kind).toBe('invalid')
    await done.discard()
    expect(await readdir(dir)).toEqual([])
  })

  test('discarding leaves nothing', async () => {
    const dir = await tempDir()
    await (await download(optionsFor(dir, platform(content).fetch))).discard()
    expect(await readdir(dir)).toEqual([])
  })
})

describe('what cannot work', () => {
  test.each([
    '',
    '.',
    '../x',
    'a/b',
    'a.b',
    'a b',
    'ä',
    'x'.repeat(129),
  ])('the id %j is refused before a call', async id => {
    const dir = await tempDir()
    const { fetch, calls } = platform(content)
    expect((await faultOf(download(optionsFor(dir, fetch, { id })))).kind).toBe('invalid')
    expect(calls).toEqual([])
  })

  test.each([
    0,
    8,
    17,
    4_095,
    20 * 1_024 * 1_024 + 16,
    1.5,
    Number.NaN,
  ])('slices of %d bytes are refused', async bytes => {
    const dir = await tempDir()
    expect(
      (await faultOf(download(optionsFor(dir, platform(content).fetch, { sliceBytes: bytes })))).kind,
    ).toBe('config')
  })

  test('a folder that is not there is named, and no call is made', async () => {
    const dir = join(await tempDir(), 'absent')
    const { fetch, calls } = platform(content)
    const fault = await faultOf(download(optionsFor(dir, fetch)))
    expect(fault.kind).toBe('config')
    expect(fault.message).toContain(dir)
    expect(calls).toEqual([])
  })
})

test('the sweep removes partials that nobody writes to, and only those', async () => {
  const dir = await tempDir()
  const old = ['a.0123456789abcdef.part', 'a.0123456789abcdef.part.slices']
  const kept = [
    'b.0123456789abcdef.part',
    'a.part',
    'report.pdf',
    '.0123456789abcdef.part',
    'a.0123456789ABCDEF.part',
  ]
  for (const name of [...old, ...kept]) await writeFile(join(dir, name), '')
  const nowMs = (await stat(join(dir, 'a.part'))).mtimeMs + 10_000
  for (const name of [...old, ...kept.slice(1)]) await utimes(join(dir, name), 0, (nowMs - 61_000) / 1_000)
  expect(await sweepPartials(dir, 60_000, nowMs)).toBe(2)
  expect((await readdir(dir)).sort()).toEqual([...kept].sort())
})
