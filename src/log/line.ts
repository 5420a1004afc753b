/** A finished line: clean, and no longer than a collector takes. */

import { scrub } from './scrub.ts'

/** Collectors cut or drop what is longer; Docker cuts at 16 KiB. */
const lineMaxBytes = 16 * 1024

/** Secrets are taken out of the whole text, whatever was put into the line. */
export function finished(line: string): string {
  const clean = scrub(line)
  const bytes = Buffer.byteLength(clean)
  return bytes <= lineMaxBytes ? clean : `${JSON.stringify({ ...kept(clean), cutBytes: bytes })}\n`
}

/** What tells one line from another: its short scalars. */
function kept(line: string): Readonly<Record<string, unknown>> {
  try {
    const short = Object.entries(JSON.parse(line)).filter(
      ([, value]) => typeof value !== 'object' && String(value).length <= 200,
    )
    return Object.fromEntries(short.slice(0, 30))
  } catch {
    return { level: 'warn', msg: 'a line that was too long' }
  }
}
