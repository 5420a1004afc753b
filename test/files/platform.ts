/** A platform in memory: content behind a real FetchSlice, with a script for what goes wrong at the n-th call. */

import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { FetchSlice, Slice } from '../../src/files/download.ts'

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const someBytes = (length: number): Buffer => randomBytes(length)

interface Call {
  /** From 0. */
  readonly index: number
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal
}

/** The honest answer; a script changes it. */
type Script = (answer: Slice, call: Call) => Slice | Promise<Slice>

export const inPieces = (bytes: Uint8Array, pieceBytes = 1_000): Readable => {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes))
  return Readable.from(pieces, { objectMode: false })
}

/** The first `keepBytes`, then a connection error. */
export const cutAfter = (bytes: Uint8Array, keepBytes: number): Readable =>
  Readable.from(
    (async function* () {
      if (keepBytes > 0) yield bytes.subarray(0, keepBytes)
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    })(),
    { objectMode: false },
  )

export const rangeAnswer = (
  content: Uint8Array,
  start: number,
  end: number,
  more: Partial<Slice> = {},
): Slice => {
  const last = Math.min(end, content.length - 1)
  return {
    whole: false,
    framed: true,
    lengthBytes: last - start + 1,
    range: { start, end: last, totalBytes: content.length },
    name: '报告.pdf',
    contentType: 'application/pdf',
    body: inPieces(content.subarray(start, last + 1)),
    ...more,
  }
}

export const wholeAnswer = (content: Uint8Array, more: Partial<Slice> = {}): Slice => ({
  whole: true,
  framed: true,
  lengthBytes: content.length,
  name: 'whole.bin',
  contentType: 'application/octet-stream',
  body: inPieces(content),
  ...more,
})

export interface Platform {
  readonly fetch: FetchSlice
  readonly calls: Call[]
}

export const platform = (content: Uint8Array, script: Script = answer => answer): Platform => {
  const calls: Call[] = []
  return {
    calls,
    fetch: async ({ start, end }, signal) => {
      signal.throwIfAborted()
      const call = { index: calls.length, start, end, signal }
      calls.push(call)
      return script(rangeAnswer(content, start, end), call)
    },
  }
}

/** Names and contents of a folder. */
export const folder = async (dir: string): Promise<Map<string, Buffer>> => {
  const names = (await readdir(dir)).sort()
  return new Map(
    await Promise.all(names.map(async name => [name, await readFile(`${dir}/${name}`)] as const)),
  )
}

export const always = async (): Promise<void> => {}
