/**
 * What pages show of data that others wrote: strings without secrets, URLs without user and query. Payloads name sources by
 * URL, and a signed URL is a key to its file; reasons, stacks and logs quote whatever a failing library says.
 */

import { scrub } from '../../log.ts'

/** Also keys: they come from payloads as well. */
export function redacted(value: unknown): unknown {
  if (typeof value === 'string') return cleaned(value)
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  // As JSON would have it: a date is a text.
  if ('toJSON' in value && typeof value.toJSON === 'function') return redacted(value.toJSON())
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [
      cleaned(name),
      name === 'webhook' && typeof held === 'string' ? hostOf(held) : redacted(held),
    ]),
  )
}

/** Of a webhook the path may be the secret. */
const hostOf = (url: string): string => {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}/[hidden]` : '[hidden]'
}

const cleaned = (text: string): string => scrub(text).replace(/[^\s"'<>\\]+/g, cleanedWord)

/** The way to the explanation of an errcode. */
const explanation = /^\?e=\d{1,8}[);,.]*$/

/** Each step looks at a character once: hostile text must not cost more than its length. */
function cleanedWord(word: string): string {
  const scheme = word.indexOf('://')
  const [ofUrl, alone] = [scheme < 0 ? -1 : word.slice(scheme).search(/[?#]/), word.search(/\?[^?=]+=/)]
  const cuts = [ofUrl < 0 ? word.length : scheme + ofUrl, alone < 0 ? word.length : alone]
  const cut = Math.min(...cuts)
  const tail = word.slice(cut)
  return `${withoutUsers(word.slice(0, cut))}${tail === '' || explanation.test(tail) ? tail : '?[hidden]'}`
}

const withoutUsers = (urls: string): string =>
  urls
    .split('://')
    .map((part, index) => (index === 0 ? part : part.replace(/^[^/]*@/, '')))
    .join('://')
