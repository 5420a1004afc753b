/** The file name in a Content-Disposition header. It is data from outside: never a path (files make it safe). */

/** What the header says; `isAttachment` is how the platform marks a file (facts §3.3). */
export interface Disposition {
  readonly isAttachment: boolean
  readonly name?: string
}

/** Reads the header as undici gives it: each byte one character. `filename*` wins over `filename` (RFC 6266 §4.3). */
export function parseDisposition(header: string | undefined): Disposition {
  if (header === undefined) return { isAttachment: false }
  const isAttachment = /^\s*attachment\s*(;|$)/i.test(header)
  const parameters = parametersOf(header)
  const name = extended(parameters.get('filename*')) || repaired(parameters.get('filename') ?? '')
  return name ? { isAttachment, name } : { isAttachment }
}

/** Name -> value; the first of two equal names counts. */
function parametersOf(header: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of header.matchAll(
    /;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g,
  )) {
    const key = name.toLowerCase()
    const value = quoted === undefined ? plain.trim() : quoted.replace(/\\(["\\])/g, '$1')
    if (!found.has(key)) found.set(key, value)
  }
  return found
}

/** `utf-8''%E6%96%87` (RFC 8187); undefined when it is not well formed, so that `filename` gets its turn. */
function extended(value: string | undefined): string | undefined {
  const [, charset = '', encoded = ''] = /^([\w-]+)'[\w-]*'(.*)$/.exec(value ?? '') ?? []
  if (!/^(utf-8|iso-8859-1)$/i.test(charset)) return undefined
  const bytes = Buffer.from(
    encoded.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return charset.toLowerCase() === 'utf-8' ? utf8(bytes) : bytes.toString('latin1')
}

/** The platform writes raw UTF-8 where HTTP expects Latin-1; what is no UTF-8 was meant as Latin-1. */
const repaired = (value: string): string => utf8(Buffer.from(value, 'latin1')) ?? value

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
