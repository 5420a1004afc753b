/** HD voice: raw frames become a file that players open, with the very frames in it. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { oggSpeex, oggSpeexBytes, speexMilliseconds } from '../../src/files/ogg-speex.ts'
import { encodedVoice, ffmpeg, hasFfmpeg, readOgg } from '../support/ogg.ts'
import { tempDir } from '../support/temp.ts'

const frameBytes = 60

async function* cutAt(bytes: Buffer, ...cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  for (const [i, place] of places.slice(1).entries()) yield bytes.subarray(places[i], place)
}

const wrapped = async (raw: Buffer, ...cuts: readonly number[]): Promise<Buffer> =>
  buffer(oggSpeex(cutAt(raw, ...cuts)))

/** Every byte tells where it was. */
const frames = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count * frameBytes }, (_, i) => i % 251))

const demoVoice = (): Promise<Buffer> => readFile(join(import.meta.dirname, '../../demo/voice-hd.speex'))

describe('the container', () => {
  test('has a header that says what the frames are', async () => {
    const [header, comment] = readOgg(await wrapped(frames(1)))
    expect(header).toMatchObject({ flags: 2, granule: 0n, sequence: 0 })
    const head = header?.packets[0] ?? Buffer.alloc(0)
    expect([head.length, head.toString('latin1', 0, 8)]).toEqual([80, 'Speex   '])
    const numbers = Array.from({ length: 13 }, (_, i) => head.readUInt32LE(28 + 4 * i))
    expect(numbers).toEqual([1, 80, 16_000, 1, 4, 1, 24_000, 320, 0, 1, 0, 0, 0])
    expect(comment).toMatchObject({ flags: 0, granule: 0n, sequence: 1 })
    expect(comment?.packets[0]?.subarray(4, -4).toString()).toBe('wecom-media')
  })

  test('holds the same frames in the same order, in pages that follow one another, the last one marked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 170 }), async count => {
        const raw = frames(count)
        const file = await wrapped(raw)
        const pages = readOgg(file)
        const [, , ...voice] = pages
        expect(Buffer.concat(voice.flatMap(page => page.packets))).toEqual(raw)
        expect(pages.map(page => page.sequence)).toEqual(pages.map((_, i) => i))
        expect(pages.map(page => page.flags)).toEqual([2, ...pages.slice(2).map(() => 0), 4])
        expect(new Set(pages.map(page => page.serial)).size).toBe(1)
        let samples = 0
        for (const page of voice) {
          samples += page.packets.length * 320
          expect(page.granule).toBe(BigInt(samples))
        }
        expect(file.length).toBe(oggSpeexBytes(raw.length))
      }),
      { numRuns: 30, examples: [[1], [49], [50], [51], [100], [101], [150]] },
    )
  })

  test('is the same wherever the stream is cut', async () => {
    const raw = frames(120)
    const whole = await wrapped(raw)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(raw.length), { maxLength: 40 }), async cuts => {
        expect(await wrapped(raw, ...cuts)).toEqual(whole)
      }),
      { numRuns: 30 },
    )
    expect(await wrapped(raw, ...raw.keys()), 'byte by byte').toEqual(whole)
  })

  test('comes out page by page while the voice comes in', async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (; ; given += 1) yield frames(1)
    }
    const pages = oggSpeex(endless())
    for (let page = 0; page < 10; page += 1) expect((await pages.next()).done).toBe(false)
    expect(given, 'eight pages of voice, and a frame to know that they are not the last').toBe(8 * 50)
    await pages.return(undefined)
  })
})

test.each([0, 1, 59, 61, 3_001, 3_059])('%i bytes are no voice', async bytes => {
  const notFrames = { kind: 'wrong-type', message: expect.stringContaining(`${bytes} bytes`) }
  await expect(wrapped(Buffer.alloc(bytes))).rejects.toMatchObject(notFrames)
  expect(() => oggSpeexBytes(bytes)).toThrow(expect.objectContaining(notFrames))
  expect(() => speexMilliseconds(bytes)).toThrow(expect.objectContaining(notFrames))
})

test('3,000 bytes are one second', () => {
  expect(speexMilliseconds(3_000)).toBe(1_000)
  expect(speexMilliseconds(60)).toBe(20)
})

describe.runIf(hasFfmpeg)('ffmpeg', () => {
  const written = async (content: Buffer): Promise<string> => {
    const path = join(await tempDir(), 'voice.spx')
    await writeFile(path, content)
    return path
  }
  const samplesOf = (path: string): Promise<Buffer> => ffmpeg('ffmpeg', '-i', path, '-f', 's16le', '-')

  test('decodes our file to the same sound as its own', async () => {
    const { path, raw } = await encodedVoice()
    expect(raw.length % frameBytes).toBe(0)
    const [own, ours] = [await samplesOf(path), await samplesOf(await written(await wrapped(raw)))]
    expect(ours.length).toBe(speexMilliseconds(raw.length) * 32)
    // Its own file says that the encoder was late, and the end is cut off; ours has all that was encoded.
    expect(own.length).toBeGreaterThan(2 * 32_000)
    expect(ours.subarray(0, own.length).equals(own)).toBe(true)
  })

  test('finds codec, rate, channel and length in it', async () => {
    const raw = await demoVoice()
    const path = await written(await wrapped(raw))
    const shown = [
      '-show_entries',
      'stream=codec_name,sample_rate,channels,start_time,duration',
      '-of',
      'json',
    ]
    const { streams } = JSON.parse(String(await ffmpeg('ffprobe', ...shown, path)))
    expect(streams).toEqual([
      {
        ...{ codec_name: 'speex', sample_rate: '16000', channels: 1 },
        ...{ start_time: '0.000000', duration: (speexMilliseconds(raw.length) / 1_000).toFixed(6) },
      },
    ])
    expect((await samplesOf(path)).length).toBe(speexMilliseconds(raw.length) * 32)
  })
})
