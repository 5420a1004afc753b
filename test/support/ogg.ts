/** A second opinion on Ogg (RFC 3533), bit by bit and strict; and HD voice as the platform has it, from ffmpeg's encoder. */

import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from './temp.ts'

const run = promisify(execFile)

/** Tests that need it are listed as not run where it is missing. */
export const hasFfmpeg = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], {
  encoding: 'utf8',
}).stdout?.includes('libspeex')

export interface OggPage {
  readonly flags: number
  readonly granule: bigint
  readonly serial: number
  readonly sequence: number
  readonly packets: readonly Buffer[]
}

const checksum = (page: Buffer): number => {
  let sum = 0n
  for (const [at, byte] of page.entries()) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const next = at >= 22 && at < 26 ? 0n : BigInt((byte >> bit) & 1)
      const out = (sum >> 31n) ^ next
      sum = ((sum << 1n) & 0xffffffffn) ^ (out === 1n ? 0x04c11db7n : 0n)
    }
  }
  return Number(sum)
}

/** Throws at whatever is no page, and at packets that go over a page's end. */
export const readOgg = (file: Buffer): OggPage[] => {
  const pages: OggPage[] = []
  for (let at = 0; at < file.length; ) {
    if (file.toString('latin1', at, at + 5) !== 'OggS\0') throw new Error(`no page at byte ${at}`)
    const segments = [...file.subarray(at + 27, at + 27 + (file[at + 26] ?? 0))]
    const bodyStart = at + 27 + segments.length
    const end = bodyStart + segments.reduce((sum, bytes) => sum + bytes, 0)
    if (end > file.length) throw new Error(`the page at byte ${at} is cut off`)
    const page = file.subarray(at, end)
    if (page.readUInt32LE(22) !== checksum(page))
      throw new Error(`the page at byte ${at} has a wrong checksum`)
    pages.push({
      flags: page[5] ?? 0,
      granule: page.readBigInt64LE(6),
      serial: page.readUInt32LE(14),
      sequence: page.readUInt32LE(18),
      packets: packetsOf(page.subarray(bodyStart - at), segments),
    })
    at = end
  }
  return pages
}

const packetsOf = (body: Buffer, segments: readonly number[]): Buffer[] => {
  const packets: Buffer[] = []
  let [start, end] = [0, 0]
  for (const bytes of segments) {
    end += bytes
    if (bytes === 255) continue
    packets.push(body.subarray(start, end))
    start = end
  }
  if (start !== end) throw new Error('a packet goes over the end of its page')
  return packets
}

/** Runs ffmpeg or ffprobe; answers what it writes to stdout. What it complains about is an error. */
export const ffmpeg = async (tool: 'ffmpeg' | 'ffprobe', ...args: readonly string[]): Promise<Buffer> => {
  const { stdout, stderr } = await run(tool, ['-v', 'error', ...args], { encoding: 'buffer' })
  if (stderr.length > 0) throw new Error(`${tool}: ${stderr}`)
  return stdout
}

/** Two seconds of gliding tones over noise, encoded as WeCom's clients do: the file and its bare frames. */
export const encodedVoice = async (): Promise<{ readonly path: string; readonly raw: Buffer }> => {
  const path = join(await tempDir(), 'voice.spx')
  const sound = 'aevalsrc=0.4*sin(2*PI*(200+150*t)*t)+0.2*sin(1900*t*(2+t))+0.05*random(0):s=16000:d=2.01'
  await ffmpeg('ffmpeg', '-f', 'lavfi', '-i', sound, '-c:a', 'libspeex', '-b:a', '24k', path)
  const [, , ...pages] = readOgg(await readFile(path))
  return { path, raw: Buffer.concat(pages.flatMap(page => page.packets)) }
}
