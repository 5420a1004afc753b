/** The list beside a partial file: which slices are on disk, each with its hash. Append-only text; a torn last line is no line. */

import { z } from 'zod'
import { isSliceBytes, lengthOf, sliceCount, sliceRange } from './slices.ts'

const Header = z.strictObject({
  wecomMediaSlices: z.literal(1),
  totalBytes: z.int().min(1),
  sliceBytes: z.int().refine(isSliceBytes),
  /** The platform's words, for the successor: data, never a path. */
  name: z.string().optional(),
  contentType: z.string().optional(),
})

/** What is known of the whole file once its first slice has arrived. */
export interface FileFacts {
  readonly totalBytes: number
  readonly sliceBytes: number
  readonly name?: string
  readonly contentType?: string
}

export interface ListedSlice {
  readonly startBytes: number
  readonly lengthBytes: number
  readonly sha256: string
  /** Of the file from its first byte to the end of this slice, as it is at hand when slices come in order; else of the slice alone. */
  readonly isRunning: boolean
}

export interface SliceList {
  readonly facts: FileFacts
  /** In the order of the file, each offset once. */
  readonly slices: readonly ListedSlice[]
}

export const headerLine = (facts: FileFacts): string =>
  `${JSON.stringify({ wecomMediaSlices: 1, ...facts })}\n`

export const sliceLine = ({ startBytes, lengthBytes, sha256, isRunning }: ListedSlice): string =>
  `${startBytes} ${lengthBytes} ${sha256}${isRunning ? ' running' : ''}\n`

const parseHeader = (line: string): FileFacts | undefined => {
  try {
    const { wecomMediaSlices: _, name, contentType, ...sizes } = Header.parse(JSON.parse(line))
    return {
      ...sizes,
      ...(name === undefined ? {} : { name }),
      ...(contentType === undefined ? {} : { contentType }),
    }
  } catch {
    return undefined
  }
}

const parseLine = (line: string, { totalBytes, sliceBytes }: FileFacts): ListedSlice | undefined => {
  const [, start, length, sha256, running] =
    /^(\d{1,15}) (\d{1,9}) ([0-9a-f]{64})( running)?$/.exec(line) ?? []
  if (start === undefined || length === undefined || sha256 === undefined) return undefined
  const index = Number(start) / sliceBytes
  if (!Number.isInteger(index) || index >= sliceCount(totalBytes, sliceBytes)) return undefined
  const lengthBytes = lengthOf(sliceRange(index, sliceBytes, totalBytes))
  if (Number(length) !== lengthBytes) return undefined
  return { startBytes: Number(start), lengthBytes, sha256, isRunning: running !== undefined }
}

/** Nothing where the header is not ours; lines that do not fit the header are left out, their slices are fetched again. */
export const parseList = (text: string): SliceList | undefined => {
  const [header = '', ...lines] = text.split('\n').slice(0, -1)
  const facts = parseHeader(header)
  if (facts === undefined) return undefined
  const byStart = new Map<number, ListedSlice>()
  for (const line of lines) {
    const slice = parseLine(line, facts)
    if (slice !== undefined) byStart.set(slice.startBytes, slice)
  }
  return { facts, slices: [...byStart.values()].sort((a, b) => a.startBytes - b.startBytes) }
}
