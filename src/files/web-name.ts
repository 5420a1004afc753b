/** What a file from the web is called: Content-Disposition first, then the URL. Data, never a path. */

import { MIMEType } from 'node:util'
import { safeName } from './safe-name.ts'

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `UTF-8''%E6%96%87` (RFC 8187); other charsets are left to `filename`. */
const extended = (value: string | null): string => {
  const [, encoded = ''] = /^utf-8'[^']*'(.*)$/i.exec(value ?? '') ?? []
  return decoded(encoded)
}

/** Each byte of the header is one character; most servers write UTF-8 there. */
const repaired = (value: string): string => {
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? value : text
}

/** The parameters of the header have the syntax of those of a media type. */
const dispositionName = (header: string): string => {
  try {
    const { params } = new MIMEType(`x/${header}`)
    return extended(params.get('filename*')) || repaired(params.get('filename') ?? '')
  } catch {
    return ''
  }
}

const lastSegment = ({ pathname }: URL): string => decoded(pathname.split('/').at(-1) ?? '')

/** 1 to 180 bytes; the URL that was asked for names the file better than the one it was redirected to. */
export const webName = (disposition: string | undefined, asked: URL, served: URL): string => {
  const candidates = [dispositionName(disposition ?? ''), lastSegment(asked), lastSegment(served)]
  return candidates.map(name => safeName(name, '')).find(name => name !== '') ?? 'file'
}
