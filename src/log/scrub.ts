/** Takes secrets out of finished text: by the parameters that carry them, and by their very values. */

/** Parameters whose values are secrets, wherever they stand: in a URL, a form, or JSON. Tokens travel in the query. */
const secretParameters =
  /\b((?:suite_|provider_)?access_token|corpsecret|suite_secret|provider_secret|suite_ticket|permanent_code|msg_signature|echostr)(=|"\s*:\s*"|\\"\s*:\s*\\")([^&"\\\s]+)/gi

/** The password in redis://user:password@host and the like. Bounded: hostile text must not cost more than its length. */
const urlPassword = /\b([a-z][a-z0-9+.-]{0,31}:\/\/[^\s:/@]{0,255}:)[^\s@/]{1,1024}@/gi

/** Tokens of our own HTTP API; see http/tokens.ts. */
const apiToken = /\bwmt_[A-Za-z0-9_-]{20,}/g

/**
 * The query of a URL: links are signed there. A quote is part of it, as in `filename*=UTF-8''a.png&Signature=…`, which is how a
 * download is named. WeCom's page that explains an errcode is pointed at by messages and has none.
 */
const urlQuery =
  /\b(https?:\/\/(?!open\.work\.weixin\.qq\.com\/devtool\/)[^\s"<>?\\]{1,2048}\?)[^\s"<>\\]{1,8192}/gi

/** What a secret begins with -> the secrets that do. A provider may have thousands: a line must not cost a search for each. */
const known = new Map<string, string[]>()
const headLength = 8

/** Values that change, oldest first. */
const passing = new Set<string>()
const passingMax = 2_000

/** From now on this very value is scrubbed everywhere, also as JSON and in a URL: an app's secret. Values under 8 characters are not. */
export function keepSecret(value: string): void {
  for (const form of new Set([value, JSON.stringify(value).slice(1, -1), encoded(value)])) keep(form)
}

/** The same for one of the last 2,000 values that come and go: access tokens. */
export function keepToken(value: string): void {
  if (!passing.delete(value)) keep(value)
  passing.add(value)
  if (passing.size <= passingMax) return
  const [oldest = ''] = passing
  passing.delete(oldest)
  const head = oldest.slice(0, headLength)
  known.set(
    head,
    (known.get(head) ?? []).filter(secret => secret !== oldest),
  )
}

/** A lone surrogate cannot stand in a URL. */
const encoded = (value: string): string => (value.isWellFormed() ? encodeURIComponent(value) : value)

function keep(secret: string): void {
  if (secret.length < headLength) return
  const head = secret.slice(0, headLength)
  const others = known.get(head) ?? []
  // The longest first: one may be the beginning of another.
  if (!others.includes(secret))
    known.set(
      head,
      [...others, secret].toSorted((a, b) => b.length - a.length),
    )
}

/** The text without secrets. Also for stored fault messages, job logs and pages. */
export function scrub(text: string): string {
  const clean = text
    .replace(secretParameters, '$1$2[secret]')
    .replace(urlPassword, '$1[secret]@')
    .replace(apiToken, '[secret]')
    .replace(urlQuery, '$1[secret]')
  return known.size === 0 ? clean : withoutKnown(clean)
}

function withoutKnown(text: string): string {
  let clean = ''
  let from = 0
  for (let at = 0; at + headLength <= text.length; at += 1) {
    const secret = known.get(text.slice(at, at + headLength))?.find(each => text.startsWith(each, at))
    if (secret === undefined) continue
    clean += `${text.slice(from, at)}[secret]`
    from = at + secret.length
    at = from - 1
  }
  return from === 0 ? text : clean + text.slice(from)
}
