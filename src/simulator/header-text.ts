/** Names and types as header values, in the form Node wants: one character per byte on the wire. */

import type { Medium } from './media-store.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a header
const controlCharacters = /[\u0000-\u001f\u007f]/g

/** Text of any kind as a header value that cannot end its line. */
export const headerText = (text: string): string =>
  Buffer.from(text.replace(controlCharacters, '_')).toString('latin1')

/** The two forms as captured: `filename*` first, then raw UTF-8 bytes in quotes. */
export function contentDisposition({ name, disposition }: Pick<Medium, 'name' | 'disposition'>): string {
  return headerText(disposition ?? bothForms(name.toWellFormed()))
}

function bothForms(name: string): string {
  const raw = name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return `attachment; filename*=utf-8''${encodeURIComponent(name)}; filename="${raw}"`
}
