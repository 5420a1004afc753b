/** `Range` of a request, as arithmetic (RFC 9110 §14): one range of bytes, the whole, or none that can be had. */

export interface Span {
  readonly start: number
  /** Inclusive. */
  readonly end: number
}

const one = /^bytes=(\d{0,15})-(\d{0,15})$/

/** `whole` also for what is no range of bytes, or several: a server may ignore it. */
export function spanIn(header: string | undefined, sizeBytes: number): Span | 'whole' | 'unsatisfiable' {
  const [, from = '', to = ''] = one.exec(header ?? '') ?? []
  if (from === '' && to === '') return 'whole'
  if (from === '') return lastBytes(Number(to), sizeBytes)
  const start = Number(from)
  const end = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  if (to !== '' && Number(to) < start) return 'whole'
  return start >= sizeBytes ? 'unsatisfiable' : { start, end }
}

const lastBytes = (count: number, sizeBytes: number): Span | 'unsatisfiable' =>
  count === 0 || sizeBytes === 0
    ? 'unsatisfiable'
    : { start: Math.max(0, sizeBytes - count), end: sizeBytes - 1 }

/** A name for people: ASCII for old programs, UTF-8 for all others (RFC 6266). */
export function dispositionOf(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
