/** What the `src` of an image names, read as a browser reads it. Says where the bytes are; fetches nothing. */

import { fileURLToPath } from 'node:url'
import { Fault, type Kind } from '../fault.ts'

export type Src =
  /** Absolute, http or https. */
  | { readonly as: 'url'; readonly url: string }
  /** Percent signs decoded, without query and fragment; relative to what, the caller knows. */
  | { readonly as: 'path'; readonly path: string }
  | { readonly as: 'data'; readonly contentType: string; readonly bytes: Buffer }
  /** WeCom's already. */
  | { readonly as: 'permanent' }
  | { readonly as: 'unusable'; readonly why: Fault }

const unusable = (what: string, kind: Kind = 'invalid'): Src => ({
  as: 'unusable',
  why: new Fault(kind, `${what}: give a path, an http(s) URL or a data URI`),
})

/** White space around a URL, and line ends within, mean nothing (URL standard, "URL parsing"). */
const tidy = (src: string): string => src.replace(/[\t\n\r]/g, '').trim()

const isPermanentHost = (host: string): boolean => host === 'qpic.cn' || host.endsWith('.qpic.cn')

/** The host of the platform's sample is p.qpic.cn; others under it are seen (notes/wecom-facts.md §5). */
const webSrc = (src: string): Src => {
  const url = URL.parse(src)
  if (url === null) return unusable('the URL of the image is not valid')
  if (isPermanentHost(url.hostname)) return { as: 'permanent' }
  url.hash = ''
  return { as: 'url', url: url.href }
}

const orUnusable = (read: () => string, what: string): Src => {
  try {
    return { as: 'path', path: read() }
  } catch {
    return unusable(what)
  }
}

const fileSrc = (src: string): Src =>
  orUnusable(() => fileURLToPath(src), 'the file URL of the image names another host, or no file')

/** Backslashes as in URLs of the web: documents that were made on Windows have them. */
const pathSrc = (src: string): Src => {
  const raw = src.replace(/[?#].*$/s, '').replaceAll('\\', '/')
  if (raw === '') return unusable('the image has an empty src')
  if (raw.startsWith('//')) return webSrc(`https:${src.replaceAll('\\', '/')}`)
  return orUnusable(() => decodeURIComponent(raw), 'the path of the image has a broken percent sign')
}

const percentDecoded = (text: string): Buffer => {
  if (!text.includes('%')) return Buffer.from(text)
  const bytes = text.replace(/%([0-9a-f]{2})|[^\0-\x7f]+/gi, (match, hex?: string) =>
    hex === undefined ? Buffer.from(match).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1')
}

const base64Decoded = (text: string): Buffer | undefined => {
  const digits = percentDecoded(text)
    .toString('latin1')
    .replace(/[\t\n\f\r ]/g, '')
  const [, body = ''] = /^([A-Za-z0-9+/]*)={0,2}$/.exec(digits) ?? []
  return (body !== '' || digits === '') && body.length % 4 !== 1 ? Buffer.from(body, 'base64') : undefined
}

/** RFC 2397; `;base64` last, whatever its case. */
const dataSrc = (src: string, maxBytes: number): Src => {
  const comma = src.indexOf(',')
  if (comma < 0) return unusable('the data URI of the image has no data')
  const [, type = '', base64] = /^(.*?)(; *base64 *)?$/is.exec(src.slice('data:'.length, comma)) ?? []
  const data = src.slice(comma + 1).replace(/#.*$/s, '')
  const bytes = base64 === undefined ? percentDecoded(data) : base64Decoded(data)
  if (bytes === undefined) return unusable('the data URI of the image is no base64')
  if (bytes.length > maxBytes)
    return unusable(
      `the image in the data URI has ${bytes.length} bytes, at most ${maxBytes} are taken`,
      'too-big',
    )
  return { as: 'data', contentType: type.trim() === '' ? 'text/plain' : type.trim().toLowerCase(), bytes }
}

const schemeOf = (src: string): string | undefined => /^([a-z][a-z0-9+.-]*):/i.exec(src)?.[1]?.toLowerCase()

/** Reads a `src`; data of more than `maxDataBytes` is unusable. Source: URL standard, RFC 2397, notes/wecom-facts.md §5. */
export const kindOfSrc = (src: string, maxDataBytes: number): Src => {
  const text = tidy(src)
  if (!text.isWellFormed()) return unusable('the src of the image is not valid Unicode')
  const scheme = schemeOf(text)
  if (scheme === undefined) return pathSrc(text)
  if (scheme === 'http' || scheme === 'https') return webSrc(text)
  if (scheme === 'file') return fileSrc(text)
  if (scheme === 'data') return dataSrc(text, maxDataBytes)
  return unusable(`${scheme.slice(0, 32)}: of the image means nothing here`)
}

const nameLength = 80

/**
 * What everybody may see of an address: no query, which may be signed, and no user and password. Browsers take any
 * number of slashes, of either kind, behind http(s):. A path may hold an @.
 */
export const openSrc = (src: string): string =>
  tidy(src)
    .toWellFormed()
    .replace(/[?#].*$/s, '')
    .replace(/^(https?:[/\\]*|[a-z][a-z0-9+.-]*:[/\\]{2,}|[/\\]{2,})[^/\\]*@/i, '$1')

/** For messages: a name on one line, short, without a URL's query and password; of data only kind and length. */
export const nameOfSrc = (src: string): string => {
  const text = tidy(src)
  if (schemeOf(text) === 'data') return nameOfData(text)
  const bare = openSrc(src).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
  const points = [...bare]
  if (points.length === 0) return 'an image without src'
  return points.length > nameLength ? `${points.slice(0, nameLength - 1).join('')}…` : bare
}

const nameOfData = (src: string): string => {
  const found = kindOfSrc(src, Number.MAX_SAFE_INTEGER)
  if (found.as !== 'data') return 'data: (broken)'
  const type = found.contentType.split(';', 1)[0] ?? ''
  return `data:${/^[\w.+/-]{1,40}$/.test(type) ? type : ''} (${found.bytes.length} bytes)`
}
