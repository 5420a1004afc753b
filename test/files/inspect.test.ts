import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../src/fault.ts'
import { amrMilliseconds } from '../../src/files/amr.ts'
import { openLocal } from '../../src/files/dir.ts'
import { checkName, inspect } from '../../src/files/inspect.ts'
import { opened } from '../support/opened.ts'
import { tempDir } from '../support/temp.ts'

const mib = 1_024 * 1_024
const image = { type: 'image', minBytesExclusive: 5, maxBytes: 10 * mib, formats: ['jpg', 'png'] } as const
const voice = {
  type: 'voice',
  minBytesExclusive: 5,
  maxBytes: 2 * mib,
  formats: ['amr'],
  maxSeconds: 60,
} as const
const video = { type: 'video', minBytesExclusive: 5, maxBytes: 10 * mib, formats: ['mp4'] } as const
const file = { type: 'file', minBytesExclusive: 5, maxBytes: 20 * mib, formats: 'any' } as const

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
const jpg = latin('\xff\xd8\xff\xe0\0\x10JFIF')
const png = latin('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
const mp4 = latin('\0\0\0\x18ftypisom\0\0\0\0')
const heic = latin('\0\0\0\x18ftypheic\0\0\0\0')

/** A frame of 12.2 kbit/s, without padding bits. */
const frame = (type = 7, bytes = 32): Buffer => Buffer.alloc(bytes, 0).fill((type << 3) | 4, 0, 1)
const amr = (...frames: Buffer[]): Buffer => Buffer.concat([latin('#!AMR\n'), ...frames])
const frames = (count: number): Buffer[] => Array.from({ length: count }, () => frame())

const verdict = async (bytes: Buffer, rule: Parameters<typeof inspect>[1]): Promise<string> => {
  const dir = await tempDir()
  await writeFile(join(dir, 'x.dat'), bytes)
  const source = await opened(openLocal('x.dat', { roots: [dir] }))
  const error = await inspect(source, rule).then(
    () => 'fine',
    (reason: unknown) => reason,
  )
  return error instanceof Fault ? `${error.kind}: ${error.message}` : String(error)
}

describe('before the network', () => {
  test.each<[string, Buffer, Parameters<typeof inspect>[1], RegExp]>([
    ['a JPG', jpg, image, /^fine$/],
    ['a PNG', png, image, /^fine$/],
    ['an MP4', mp4, video, /^fine$/],
    ['an AMR', amr(...frames(5)), voice, /^fine$/],
    ['anything as a file', latin('hello!'), file, /^fine$/],
    ['no byte', latin(''), file, /^invalid: .*0 bytes.*more than 5/],
    ['5 bytes', latin('hello'), file, /^invalid: .*5 bytes.*more than 5/],
    [
      'one byte over the limit',
      Buffer.alloc(20 * mib + 1),
      file,
      /^too-big: .*20971521 bytes.*at most 20971520/,
    ],
    ['exactly the limit', Buffer.alloc(20 * mib), file, /^fine$/],
    ['a PNG as a video', png, video, /^wrong-type: .*png.*MP4.*type file/],
    ['an MP4 as an image', mp4, image, /^wrong-type: .*mp4.*JPG or PNG/],
    ['a HEIC as an image', heic, image, /^wrong-type: .*HEIC/],
    ['a HEIC as a video', heic, video, /^wrong-type: .*HEIC/],
    ['a GIF', latin('GIF89a...'), image, /^wrong-type: .*GIF/],
    ['a WebP', latin('RIFF\0\0\0\0WEBPVP8 '), image, /^wrong-type: .*WebP/],
    ['words', latin('hello world'), image, /^wrong-type: .*unknown/],
    ['a PNG cut in its signature', png.subarray(0, 7), image, /^wrong-type/],
    ['AMR wide band', latin('#!AMR-WB\n....'), voice, /^wrong-type: .*wide band/],
    ['AMR of two channels', latin('#!AMR_MC1.0\n....'), voice, /^wrong-type: .*channels/],
    ['a SILK of WeChat', latin('\x02#!SILK_V3..'), voice, /^wrong-type: .*SILK/],
    ['60 s of voice', amr(...frames(3_000)), voice, /^fine$/],
    ['60.02 s of voice', amr(...frames(3_001)), voice, /^too-big: .*60\.02 s.*60 s/],
    ['noise after a frame', amr(frame(), latin('\x4c junk')), voice, /^wrong-type: .*byte 38/],
  ])('%s', async (_, bytes, rule, expected) => {
    expect(await verdict(bytes, rule)).toMatch(expected)
  })

  test('a last frame that is cut off counts', async () => {
    expect(await verdict(amr(...frames(3_000), frame().subarray(0, 1)), voice)).toMatch(
      /^too-big: .*60\.02 s/,
    )
  })
})

describe('the length of an AMR', () => {
  const inMemory = (bytes: Buffer, reads: number[] = []) => ({
    sizeBytes: bytes.length,
    read: async (start: number, length: number) => {
      reads.push(length)
      return bytes.subarray(start, start + length)
    },
  })
  const sizes = [13, 14, 16, 18, 20, 21, 27, 32, 6]

  test('is 20 ms for every frame, whatever its mode', async () => {
    const type = fc.oneof(fc.nat(8), fc.constant(15))
    await fc.assert(
      fc.asyncProperty(fc.array(type, { maxLength: 400 }), async types => {
        const bytes = amr(...types.map(each => frame(each, each === 15 ? 1 : sizes[each])))
        expect(await amrMilliseconds(inMemory(bytes))).toEqual({ durationMs: types.length * 20 })
      }),
      { numRuns: 50 },
    )
  })

  test.each([9, 10, 14])('does not go on behind a frame of type %i', async type => {
    expect(await amrMilliseconds(inMemory(amr(frame(), frame(type))))).toEqual({
      durationMs: 20,
      brokenAtByte: 38,
    })
  })

  test('is found in bounded reads, also across their edges', async () => {
    const reads: number[] = []
    const { durationMs } = await amrMilliseconds(inMemory(amr(...frames(10_000)), reads))
    expect(durationMs).toBe(200_000)
    expect(Math.max(...reads)).toBeLessThanOrEqual(64 * 1_024)
    expect(reads.length).toBeLessThan(8)
  })
})

describe('S08: a name for the platform', () => {
  const problem = (name: string, maxBytes = 128): string => {
    try {
      checkName(name, maxBytes)
      return 'fine'
    } catch (error) {
      return error instanceof Fault ? `${error.kind}: ${error.message}` : String(error)
    }
  }
  test.each<[string, RegExp]>([
    ['report.pdf', /^fine$/],
    ['报告.pdf', /^fine$/],
    ['图'.repeat(42), /^fine$/],
    ['图'.repeat(43), /^invalid: .*129 bytes.*at most 128.*rename/],
    ['', /^invalid: .*empty/],
    ['  ', /^invalid: .*empty/],
    ['/etc/passwd', /^invalid: .*"\/"/],
    ['a\\b', /^invalid/],
    ['12:30.pdf', /^invalid: .*":".*rename/],
    ['a\0b', /^invalid: .*control/],
    ['a\r\nX: y', /^invalid: .*control/],
    ['a\ud800', /^invalid: .*Unicode/],
    ['"quotes"', /^fine$/],
  ])('%j', (name, expected) => {
    const text = problem(name)
    expect(text).toMatch(expected)
    expect(text).not.toMatch(/[\r\n\0]/)
  })
})
