/** How long an AMR recording lasts, found by walking its frames. Nothing in the header says it. */

import type { Source } from './file.ts'

/** `#!AMR\n` (RFC 4867 §5.1). */
const headerBytes = 6
/** Every frame is 20 ms of speech (RFC 4867 §3.1). */
const frameMs = 20
const windowBytes = 64 * 1024

/**
 * Bytes of a frame with its first byte, by frame type: modes 4.75 to 12.2 kbit/s, then comfort noise (RFC 4867 §5.3;
 * 3GPP TS 26.101). Types 9 to 14 are not for files; 15 says *no data*.
 */
const frameBytes = [13, 14, 16, 18, 20, 21, 27, 32, 6] as const
const noData = 15

const sizeOfFrame = (first: number): number | undefined => {
  const type = (first >> 3) & 0x0f
  return type === noData ? 1 : frameBytes[type]
}

export interface AmrLength {
  readonly durationMs: number
  /** Where the walk met something that is no frame. */
  readonly brokenAtByte?: number
}

/** A last frame that is cut off counts: players play it. Reads in windows of 64 KiB. */
export const amrMilliseconds = async (source: Pick<Source, 'read' | 'sizeBytes'>): Promise<AmrLength> => {
  let window: Buffer = Buffer.alloc(0)
  let windowStart = 0
  let frames = 0
  for (let at = headerBytes; at < source.sizeBytes; frames += 1) {
    if (at - windowStart >= window.length) {
      window = await source.read(at, windowBytes)
      windowStart = at
    }
    const first = window[at - windowStart]
    const sizeBytes = first === undefined ? undefined : sizeOfFrame(first)
    if (sizeBytes === undefined) return { durationMs: frames * frameMs, brokenAtByte: at }
    at += sizeBytes
  }
  return { durationMs: frames * frameMs }
}
