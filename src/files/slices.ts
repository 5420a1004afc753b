/** Arithmetic of slices: which bytes to ask for, and whether an answer is the one that was asked for. No I/O. */

/** 8 MiB: half a slice of loss per cut on average, and few calls against the limits. */
export const defaultSliceBytes = 8 * 1024 * 1024
/** A larger slice is answered with 830002 (notes/wecom-facts.md §3.2). "MB" is not defined there; this is the reading in the wild. */
const sliceMaxBytes = 20 * 1024 * 1024
/** Slices of media that the platform stores encrypted cannot be decrypted otherwise (same place). */
const blockBytes = 16

/** Both ends inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export const isSliceBytes = (bytes: number): boolean =>
  Number.isSafeInteger(bytes) && bytes >= blockBytes && bytes <= sliceMaxBytes && bytes % blockBytes === 0

export const sliceCount = (totalBytes: number, sliceBytes: number): number =>
  Math.ceil(totalBytes / sliceBytes)

/** Offsets are fixed: slice `index` starts at `index * sliceBytes`. Before the total is known the end is not cut. */
export const sliceRange = (index: number, sliceBytes: number, totalBytes?: number): ByteRange => {
  const start = index * sliceBytes
  const end = start + sliceBytes - 1
  return { start, end: totalBytes === undefined ? end : Math.min(end, totalBytes - 1) }
}

export const lengthOf = ({ start, end }: ByteRange): number => end - start + 1

/** What the answer says of itself. */
export interface SliceHead {
  /** Length announced, or chunked: the end of the body can be told from a cut. */
  readonly framed: boolean
  readonly lengthBytes?: number
  /** `Content-Range`. */
  readonly range?: ByteRange & { readonly totalBytes: number }
}

/** Why this is not the slice that was asked for; nothing where it is. A total that differs is told apart before, by `totalBytes`. */
export const sliceProblem = (
  asked: ByteRange,
  { framed, lengthBytes, range }: SliceHead,
): string | undefined => {
  if (!framed) return 'a body with neither length nor chunks, whose end looks like a cut'
  if (range === undefined) return 'no readable Content-Range'
  const end = Math.min(asked.end, range.totalBytes - 1)
  if (range.start !== asked.start || range.end !== end || end < asked.start)
    return `bytes ${range.start}-${range.end}/${range.totalBytes} instead of ${asked.start}-${asked.end}`
  if (lengthBytes !== undefined && lengthBytes !== lengthOf(range))
    return `a length of ${lengthBytes} for bytes ${range.start}-${range.end}`
  return undefined
}
