/**
 * HD voice for players: the platform's raw Speex frames into Ogg Speex (`.spx`). The frames stay as they are; their
 * layout comes from the platform's sample decoder, no page states it (notes/wecom-facts.md §4).
 */

import { Fault } from '../fault.ts'
import { oggPage, pageBytes } from './ogg.ts'

/** Wide band of libspeex at 24 kbit/s: 20 ms of sound in 60 bytes. */
const voice = {
  frameBytes: 60,
  frameMs: 20,
  frameSamples: 320,
  rateHz: 16_000,
  bitsPerSecond: 24_000,
} as const

/** One second, as encoders do: players seek by pages, and 3,000 bytes are all that waits in memory. */
const framesPerPage = 50
const bodyBytes = framesPerPage * voice.frameBytes

/** The only stream of its file; fixed, so that equal voices become equal files. */
const serial = 0x7765_636f

/** 80 bytes, numbers little-endian; `speex_header.h` of libspeex names them in this order. */
const header = (): Buffer => {
  const bytes = Buffer.alloc(80)
  bytes.write('Speex   ', 'latin1')
  bytes.write('1.2', 8, 'latin1')
  const numbers = {
    versionId: 1,
    headerBytes: bytes.length,
    rateHz: voice.rateHz,
    wideBand: 1,
    bitstream: 4,
    channels: 1,
    bitsPerSecond: voice.bitsPerSecond,
    frameSamples: voice.frameSamples,
    isVariable: 0,
    framesPerPacket: 1,
  }
  for (const [at, value] of Object.values(numbers).entries()) bytes.writeUInt32LE(value, 28 + 4 * at)
  return bytes
}

/** Who made it, and no remarks. */
const comment = (): Buffer => {
  const vendor = Buffer.from('wecom-media')
  const bytes = Buffer.alloc(4 + vendor.length + 4)
  bytes.writeUInt32LE(vendor.length)
  vendor.copy(bytes, 4)
  return bytes
}

const heads = [header(), comment()]
const headsBytes = heads.reduce((sum, { length }) => sum + pageBytes(length, 1), 0)

const headPage = (packet: Buffer, sequence: number): Buffer =>
  oggPage({ packets: [packet], serial, sequence, granule: 0n, isLast: false })

/** Nothing is known of the encoder's delay, so nothing is cut: a position is all samples before it. */
const voicePage = (frames: Buffer, startFrame: number, isLast: boolean): Buffer => {
  const count = frames.length / voice.frameBytes
  const packets = Array.from({ length: count }, (_, i) =>
    frames.subarray(i * voice.frameBytes, (i + 1) * voice.frameBytes),
  )
  const sequence = heads.length + startFrame / framesPerPage
  const granule = BigInt((startFrame + count) * voice.frameSamples)
  return oggPage({ packets, serial, sequence, granule, isLast })
}

/** Whether so many bytes can be a row of whole frames. */
export const areFrames = (rawBytes: number): boolean => rawBytes > 0 && rawBytes % voice.frameBytes === 0

const assertFrames = (rawBytes: number): void => {
  if (areFrames(rawBytes)) return
  throw new Fault(
    'wrong-type',
    `the voice has ${rawBytes} bytes, which are no row of ${voice.frameBytes}-byte Speex frames: keep it as it is (raw), or get the AMR`,
  )
}

/** How long raw frames last, ms. Errors: `wrong-type` (none, or not whole). */
export const speexMilliseconds = (rawBytes: number): number => {
  assertFrames(rawBytes)
  return (rawBytes / voice.frameBytes) * voice.frameMs
}

/** Length of what `oggSpeex` makes of so many raw bytes. Errors: `wrong-type` (none, or not whole frames). */
export const oggSpeexBytes = (rawBytes: number): number => {
  assertFrames(rawBytes)
  const [fullPages, restBytes] = [Math.floor(rawBytes / bodyBytes), rawBytes % bodyBytes]
  const rest = restBytes === 0 ? 0 : pageBytes(voice.frameBytes, restBytes / voice.frameBytes)
  return headsBytes + fullPages * pageBytes(voice.frameBytes, framesPerPage) + rest
}

/**
 * Wraps back-to-back frames, cut anywhere, into Ogg Speex; memory does not grow with the voice.
 * Errors: `wrong-type` at the end of a stream that is empty or ends within a frame; those of `frames`.
 * Source: RFC 3533; the Speex manual, "Ogg file format"; notes/wecom-facts.md §4.
 */
export async function* oggSpeex(frames: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer = Buffer.alloc(0)
  let startFrame = 0
  yield* heads.map(headPage)
  for await (const chunk of frames) {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
    // The last page says that it is the last: a full one waits until more has come.
    for (; waiting.length > bodyBytes; startFrame += framesPerPage) {
      yield voicePage(waiting.subarray(0, bodyBytes), startFrame, false)
      waiting = waiting.subarray(bodyBytes)
    }
  }
  assertFrames(startFrame * voice.frameBytes + waiting.length)
  yield voicePage(waiting, startFrame, true)
}
