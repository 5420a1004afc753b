/** What a stranger's server says, read strictly: which bytes these are, how their end can be told, and what its refusals mean. No I/O. */

import { Fault } from '../fault.ts'

/** Names in lower case; one that came twice is joined by commas, and then means nothing here. */
export type Headers = Readonly<Record<string, string>>

export interface WebAnswer {
  /** Where it came from, as far as it may be shown. */
  readonly site: string
  /** After redirects. */
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the exchange, read or not. */
  drop(): void
}

const whole = /^\d{1,15}$/

/** What is announced; undefined for chunks, and for what is no number. */
export const lengthIn = ({ 'content-length': length = '' }: Headers): number | undefined =>
  whole.test(length) ? Number(length) : undefined

/** Whether the end of the body can be told from a cut: undici takes a reset for the end where neither is there. */
const isFramed = (headers: Headers): boolean =>
  lengthIn(headers) !== undefined || headers['transfer-encoding']?.toLowerCase() === 'chunked'

export interface ContentRange {
  readonly start: number
  readonly end: number
  readonly totalBytes: number
}

/** Only `bytes a-b/total` with a ≤ b < total. */
export const rangeIn = ({ 'content-range': text = '' }: Headers): ContentRange | undefined => {
  const [, start, end, totalBytes] = (/^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(text) ?? []).map(
    Number,
  )
  if (start === undefined || end === undefined || totalBytes === undefined) return undefined
  return start <= end && end < totalBytes ? { start, end, totalBytes } : undefined
}

/** What tells one version of a file from another. */
export interface Version {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly totalBytes: number | undefined
  /** Fit for If-Range; undefined where nothing proves that two answers are parts of one file. */
  readonly validator: string | undefined
}

/** A change within the second of the answer would not show (RFC 9110 §8.8.2.2). */
const isStrongDate = (lastModified: string, date: string | undefined): boolean =>
  Date.parse(date ?? '') - Date.parse(lastModified) >= 1_000

export const versionOf = (headers: Headers, totalBytes: number | undefined): Version => {
  const { etag, 'last-modified': lastModified, date } = headers
  const strong = etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : undefined
  const dated = lastModified !== undefined && isStrongDate(lastModified, date) ? lastModified : undefined
  return { etag, lastModified, totalBytes, validator: strong ?? dated }
}

/** Whatever both answers say must be the same. */
export const isSameVersion = (earlier: Version, now: Version): boolean =>
  (['etag', 'lastModified', 'totalBytes'] as const).every(
    fact => earlier[fact] === undefined || now[fact] === undefined || earlier[fact] === now[fact],
  )

/** Longest wait that a server may ask of us, ms. */
const waitMaxMs = 600_000

export const waitIn = ({ 'retry-after': text = '' }: Headers, nowMs: number): { waitMs?: number } => {
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return waitMs > 0 ? { waitMs: Math.min(waitMs, waitMaxMs) } : {}
}

/** An answer that is not the file. */
export const statusFault = ({ site, status, headers }: WebAnswer, nowMs: number): Fault => {
  const what = `${site} answers with HTTP ${status}`
  if (status === 404 || status === 410)
    return new Fault('not-found', `${what}: the file is not there, correct the URL`)
  if (status === 408 || status === 429 || status >= 500)
    return new Fault('transient', `${what}: try again later`, waitIn(headers, nowMs))
  if (status === 401 || status === 403)
    return new Fault('rejected', `${what}: the URL needs rights or has expired, sign it again`)
  return new Fault('rejected', `${what} instead of the file: look at what the URL serves`)
}

/** Throws `rejected` unless the body is the file's own bytes and has an end that can be told from a cut. */
export const assertReadable = ({ site, headers }: WebAnswer): void => {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (encoding !== 'identity')
    throw new Fault(
      'rejected',
      `${site} sends the file encoded (Content-Encoding), though the plain file was asked for: turn that off there`,
    )
  if (isFramed(headers)) return
  throw new Fault(
    'rejected',
    `${site} sends a body with neither length nor chunks, whose end looks like a cut: let it send Content-Length`,
  )
}

/** What a URL promises before its bytes are asked for. */
export interface Probed {
  readonly totalBytes: number
  readonly contentType?: string
  readonly name?: string
}

/** Of an answer to `bytes=0-0`. Errors: `rejected` where that is not what came, those of `statusFault`. */
export const probed = (answer: WebAnswer, nowMs: number): Probed => {
  const { site, status, headers } = answer
  const { 'content-type': contentType } = headers
  if (status === 416 && /^bytes \*\/0$/.test(headers['content-range'] ?? ''))
    throw new Fault('invalid', `${site} serves a file of 0 bytes: check how it was made`)
  if (status !== 206 && status !== 200) throw statusFault(answer, nowMs)
  assertReadable(answer)
  const range = rangeIn(headers)
  if (status === 206 && range?.start === 0 && range.end === 0)
    return { totalBytes: range.totalBytes, ...(contentType === undefined ? {} : { contentType }) }
  throw new Fault(
    'rejected',
    `${site} does not answer Range requests properly, and WeCom fetches in ranges: serve the file from a host that does`,
  )
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Where a redirect leads; undefined for any other answer. Servers write UTF-8 where HTTP expects ASCII. */
export const locationIn = ({ site, status, headers }: WebAnswer): string | undefined => {
  if (!redirects.has(status)) return undefined
  const { location } = headers
  if (location !== undefined) return Buffer.from(location, 'latin1').toString('utf8')
  throw new Fault('rejected', `${site} redirects to nowhere: correct the URL`)
}

/** Codes of a refused certificate or handshake: no retry makes them better (OpenSSL's verify codes, Node's TLS). */
const tls =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/

/** Below HTTP. Of the error only its code is kept: the rest may hold the URL. */
export const networkFault = (site: string, error: unknown): Fault => {
  if (error instanceof Fault) return error
  const given = error instanceof Error && 'code' in error ? String(error.code) : ''
  const code = /^\w{1,64}$/.test(given) ? given : 'no code'
  if (tls.test(code))
    return new Fault(
      'rejected',
      `${site}: no trusted TLS connection (${code}); correct its certificate, or let this host trust it (NODE_EXTRA_CA_CERTS)`,
    )
  return new Fault('transient', `${site}: the connection failed (${code}); try again`)
}
