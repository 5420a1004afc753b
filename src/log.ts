/** Logs: one JSON line per event worth one. No secret leaves: lines are scrubbed when finished, whatever was put into them. */

import pino, { type Logger } from 'pino'

export type { Logger }

/** Parameters whose values are secrets, wherever they stand: in a URL, a form, or JSON. Tokens travel in the query. */
const secretParameters =
  /\b((?:suite_|provider_)?access_token|corpsecret|suite_secret|provider_secret|suite_ticket|permanent_code|msg_signature|echostr)(=|"\s*:\s*"|\\"\s*:\s*\\")([^&"\\\s]+)/gi

/** The password in redis://user:password@host and the like. Bounded: hostile text must not cost more than its length. */
const urlPassword = /\b([a-z][a-z0-9+.-]{0,31}:\/\/[^\s:/@]{0,255}:)[^\s@/]{1,1024}@/gi

const known = new Set<string>()

/** From now on this very value is scrubbed everywhere: an app's secret. Values under 8 characters are not. */
export function keepSecret(value: string): void {
  if (value.length >= 8) known.add(value)
}

/** The text without secrets. Also for stored fault messages, job logs and pages. */
export function scrub(text: string): string {
  let clean = text.replace(secretParameters, '$1$2[secret]').replace(urlPassword, '$1[secret]@')
  for (const secret of known) clean = clean.replaceAll(secret, '[secret]')
  return clean
}

/** Lines go to `stream` (default stderr, so that stdout belongs to results), written at once. */
export const createLog = (
  level: string,
  stream: { write(line: string): void } = pino.destination({ fd: 2, sync: true }),
): Logger => pino({ level, base: null, hooks: { streamWrite: scrub } }, stream)
