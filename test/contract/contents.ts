/** What is uploaded, real enough for the real platform; and which codes it may answer to a wrong one (facts §2.4, §12). */

import { readFileSync } from 'node:fs'

const demo = (name: string): Buffer => readFileSync(new URL(`../../demo/${name}`, import.meta.url))

export const png = demo('logo.png')
export const jpg = demo('photo.jpg')
export const amr = demo('voice.amr')
export const mp4 = demo('clip.mp4')
export const pdf = demo('季度报告.pdf')
export const text = Buffer.from('plain text, and nothing else')

/** The same and more: whatever follows its end, a reader of the format does not look at. */
export const padded = (content: Buffer, sizeBytes: number): Buffer =>
  Buffer.concat([content, Buffer.alloc(sizeBytes - content.length)])

/** Silence of so many 20 ms, at 12.2 kbit/s. */
export const silence = (frames: number): Buffer => {
  const frame = Buffer.alloc(32)
  frame[0] = 0x3c
  return Buffer.concat([Buffer.from('#!AMR\n'), ...Array.from({ length: frames }, () => frame)])
}

export const mib = 1024 * 1024

/** Nobody knows which of them it is in which case. */
export const sizeCodes = [40006, 40009, 40011, 40206, 45001] as const
export const tooSmallCodes = [40006, 44001] as const
export const kindCodes = [40004, 40005] as const
export const formatCodes = {
  image: [40004, 40005, 40009, 40123],
  voice: [40004, 40005, 301016, 301017],
  video: [40004, 40005, 40011, 41090],
} as const
export const parameterCodes = [40005, 40058, 40063] as const
export const badTokenCodes = [40014] as const
