/** Names that strangers chose, made fit for people's disks. The result is still data: our own files are named by job id. */

import { extname } from 'node:path'

/** ext4 and NTFS allow 255; the rest is left for suffixes such as ` (2)`. Source: notes/reliability.md §5.2. */
const nameMaxBytes = 180
const extensionMaxBytes = 16

/** Controls, line ends, and what turns or hides text: bidi marks and embeddings, zero widths, tags, the BOM. */
const invisible =
  /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/** Reserved on Windows. */
const reserved = /[<>:"|?*]/g
const edges = /^[\s.]+|[\s.]+$/gu
const deviceName = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)/i

const cutAtCodePoint = (text: string, maxBytes: number): string => {
  let bytes = 0
  let kept = ''
  for (const point of text) {
    bytes += Buffer.byteLength(point)
    if (bytes > maxBytes) break
    kept += point
  }
  return kept
}

const shortened = (name: string): string => {
  if (Buffer.byteLength(name) <= nameMaxBytes) return name
  const extension = extname(name)
  const kept = Buffer.byteLength(extension) <= extensionMaxBytes ? extension : ''
  const stem = name.slice(0, name.length - kept.length)
  return `${cutAtCodePoint(stem, nameMaxBytes - Buffer.byteLength(kept))}${kept}`.replace(edges, '')
}

/** A base name of 1 to 180 bytes of UTF-8 that means the same on every system; `fallback` where nothing is left. */
export const safeName = (raw: string, fallback: string): string => {
  const base = raw.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const visible = base
    .normalize('NFC')
    .replace(invisible, '')
    .replace(reserved, '')
    .normalize('NFC')
    .replace(edges, '')
  const name = shortened(deviceName.test(visible) ? `_${visible}` : visible)
  return name === '' ? fallback : name
}

/** Content type -> extension, for what the platform carries; the extensions are also the allow-list for names. */
const extensionByType = new Map(
  Object.entries({
    'image/jpeg': 'jpg',
    'image/jpg': 'jpg',
    'image/png': 'png',
    'image/gif': 'gif',
    'image/bmp': 'bmp',
    'image/webp': 'webp',
    'image/heic': 'heic',
    'voice/amr': 'amr',
    'audio/amr': 'amr',
    'voice/speex': 'speex',
    'audio/mpeg': 'mp3',
    'audio/mp4': 'm4a',
    'audio/wav': 'wav',
    'video/mp4': 'mp4',
    'video/quicktime': 'mov',
    'application/pdf': 'pdf',
    'application/zip': 'zip',
    'application/json': 'json',
    'text/plain': 'txt',
    'text/csv': 'csv',
  }),
)

/** Nothing that a browser or a shell runs (html, svg, js, exe, …): such content is published as `bin`. */
const allowed: ReadonlySet<string> = new Set([
  ...extensionByType.values(),
  ...['jpeg', 'silk', 'md', 'log', 'xml', 'rtf', '7z', 'rar', 'gz', 'tar'],
  ...['doc', 'docx', 'xls', 'xlsx', 'ppt', 'pptx', 'odt', 'ods', 'odp', 'wps', 'et', 'dps'],
])

/** The extension, without a dot, under which bytes are published: the name's if allowed, else the content type's, else `bin`. */
export const publishedExtension = (name?: string, contentType?: string): string => {
  const named = extname(safeName(name ?? '', ''))
    .slice(1)
    .toLowerCase()
  if (allowed.has(named)) return named
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return extensionByType.get(type) ?? 'bin'
}
