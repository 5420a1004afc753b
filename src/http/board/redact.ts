/**
 * What pages show of data that others wrote: strings without secrets, URLs without user and query. Payloads name sources by
 * URL, and a signed URL is a key to its file; reasons, stacks and logs quote whatever a failing library says.
 */

import { scrub } from '../../log.ts'

/** Characters of one text: nobody reads more on a page, and a page must not hold up the jobs of its process. */
const textMax = 64 * 1024
/** How far a URL may reach over that. */
const overMax = 8 * 1024
/** What is nested deeper is not told; JSON of a stranger may be 10,000 deep. */
const depthMax = 40

/** Also keys: they come from payloads as well. */
export const redacted = (value: unknown): unknown => shown(value, 0)

function shown(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleaned(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthMax) return '[too deep]'
  if (Array.isArray(value)) return value.map(each => shown(each, depth + 1))
  // As JSON would have it: a date is a text.
  if ('toJSON' in value && typeof value.toJSON === 'function') return shown(value.toJSON(), depth + 1)
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [
      cleaned(name),
      typeof held === 'string' ? named(name, held) : shown(held, depth + 1),
    ]),
  )
}

/** A field that is one URL as a whole, whatever characters it has. */
function named(name: string, text: string): string {
  if (name === 'webhook') return hostOf(text)
  return cleaned(name === 'url' ? text.replace(/[?#].*/s, '?[hidden]') : text)
}

/** Of a webhook the path may be the secret. */
const hostOf = (url: string): string => {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}/[hidden]` : '[hidden]'
}

function cleaned(text: string): string {
  const clean = scrub(text.slice(0, textMax + overMax)).replace(/[^\s"<>\\]+/g, cleanedWord)
  return text.length <= textMax ? clean : `${clean.slice(0, textMax)} [and more: ${text.length} characters]`
}

/** The way to the explanation of an errcode. */
const explanation = /^\?e=\d{1,8}[);,.]*$/

/** Where a query begins without a URL before it: in a path, after a quote or a space that split it, or encoded. */
const queries = [/\?[^?=]+=/, /&[^&=]+=/, /\/[^/?]*\?[^\s?'):;,.]/, /%(?:25){0,4}3f/i]

/** Each step looks at a character once: hostile text must not cost more than its length. */
function cleanedWord(word: string): string {
  const scheme = word.indexOf('://')
  const ofUrl = scheme < 0 ? -1 : word.slice(scheme).search(/[?#]|;[^;=]+=/)
  const cuts = queries.map(query => word.search(query)).concat(ofUrl < 0 ? -1 : scheme + ofUrl)
  const cut = Math.min(word.length, ...cuts.filter(at => at >= 0))
  const path = word.slice(cut).startsWith('/') ? word.slice(cut).indexOf('?') : 0
  const [before, tail] = [word.slice(0, cut + path), word.slice(cut + path)]
  if (tail === '' || explanation.test(tail)) return withoutUsers(word)
  // A quote has no meaning in a query: URLs keep theirs, and texts put theirs around URLs.
  return `${withoutUsers(before)}${tail.startsWith('&') ? '&' : '?'}[hidden]${/'[):;,.]*$/.exec(tail)?.[0] ?? ''}`
}

const withoutUsers = (urls: string): string =>
  urls
    .split('//')
    .map((part, index) => (index === 0 ? part : part.replace(/^(\/?)[^/]*@/, '$1')))
    .join('//')
