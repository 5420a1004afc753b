/** Does the content fit the type of an upload? By its first bytes, and for AMR by its length in frames. */

import { readFile } from 'node:fs/promises'
import { type MediaType, maxVoiceMs, type RefusalName } from './rules.ts'
import type { Spool } from './spool.ts'

const jpg = Buffer.from([0xff, 0xd8, 0xff])
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const ftyp = Buffer.from('ftyp')
const amrHeader = Buffer.from('#!AMR\n')

/** Bytes after the first one of an AMR frame, by frame type; the types without a row in RFC 4867 carry none. */
const amrFrameBytes = [12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0]
const amrFrameMs = 20

const startsWith = (bytes: Buffer, magic: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic)

export const isPicture = (head: Buffer): boolean => startsWith(head, jpg) || startsWith(head, png)

/** What is wrong with a spooled upload of this type, if anything. */
export async function mistakeOfContent(type: MediaType, spool: Spool): Promise<RefusalName | undefined> {
  const { head } = spool
  if (type === 'image' && !isPicture(head)) return 'not-an-image'
  if (type === 'video' && !startsWith(head.subarray(4), ftyp)) return 'not-mp4'
  if (type !== 'voice') return undefined
  if (!startsWith(head, amrHeader)) return 'not-amr'
  const voiceMs = amrDurationMs(await readFile(spool.path))
  return voiceMs > maxVoiceMs ? 'voice-too-long' : undefined
}

/** A frame cut short at the end counts as a frame. */
function amrDurationMs(amr: Buffer): number {
  let frames = 0
  for (let at = amrHeader.length; at < amr.length; frames += 1) {
    at += 1 + (amrFrameBytes[((amr[at] ?? 0) >> 3) & 0x0f] ?? 0)
  }
  return frames * amrFrameMs
}

/** The type `media/get` will give: by content where the upload's type fixes it, else as the uploader said. */
export function contentTypeOf(type: MediaType, head: Buffer, declared: string | undefined): string {
  if (type === 'image') return startsWith(head, png) ? 'image/png' : 'image/jpeg'
  if (type === 'voice') return 'voice/amr'
  if (type === 'video') return 'video/mp4'
  return declared ?? 'application/octet-stream'
}
