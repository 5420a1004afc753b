/**
 * The platform's XML: fields with text under `<xml>`. The outer document is read before anything is authenticated, so
 * all that is more than that is refused: no DOCTYPE, comment, instruction, attribute, self-closing or second element.
 */

import { Refused } from './refused.ts'

/** Ours; the platform's longest text message is 2 KB. */
export const maxXmlBytes = 64 * 1024
const maxFields = 64
const maxDepth = 16

export type Fields = ReadonlyMap<string, string>

/**
 * The fields under `<xml>` by name, in time linear in the length. Events that we do not know may hold elements within
 * a field (`BatchJob`, `ExtAttr`): with `skip` such a field counts as absent. Refuses with `too-big` or `xml`.
 */
export function readXml(bytes: Buffer, nesting: 'refuse' | 'skip' = 'refuse'): Fields {
  if (bytes.length > maxXmlBytes) throw new Refused('too-big')
  const reader = new FieldReader(nesting === 'skip' ? maxDepth : 2)
  for (const token of tokensOf(decoded(bytes))) {
    if (token.is === 'open') reader.open(token.text)
    else if (token.is === 'close') reader.close(token.text)
    else reader.text(token.text, token.is === 'cdata')
  }
  return reader.end()
}

class FieldReader {
  readonly #maxDepth: number
  readonly #fields = new Map<string, string>()
  readonly #names = new Set<string>()
  /** The elements that are open, outermost first: the root, a field, and what is skipped. */
  readonly #path: string[] = []
  #value = ''
  #isNested = false
  #isOver = false

  constructor(depth: number) {
    this.#maxDepth = depth
  }

  open(name: string): void {
    const depth = this.#path.push(name)
    if (this.#isOver || depth > this.#maxDepth) throw new Refused('xml')
    if (depth === 1 && name !== 'xml') throw new Refused('xml')
    if (depth === 2) this.#field(name)
    if (depth > 2) this.#isNested = true
  }

  #field(name: string): void {
    if (this.#names.has(name) || this.#names.size === maxFields) throw new Refused('xml')
    this.#names.add(name)
    this.#value = ''
    this.#isNested = false
  }

  text(text: string, isCdata: boolean): void {
    if (this.#path.length === 2) this.#value += text
    else if (this.#path.length < 2 && (isCdata || !isBlank(text))) throw new Refused('xml')
  }

  close(name: string): void {
    if (this.#path.pop() !== name) throw new Refused('xml')
    if (this.#path.length === 1 && !this.#isNested) this.#fields.set(name, this.#value)
    if (this.#path.length === 0) this.#isOver = true
  }

  end(): Fields {
    if (!this.#isOver) throw new Refused('xml')
    return this.#fields
  }
}

interface Token {
  readonly is: 'open' | 'close' | 'text' | 'cdata'
  readonly text: string
}

const cdataStart = '<![CDATA['
const cdataEnd = ']]>'

/** Sticky and without a second way to match: each character is looked at once. */
function* tokensOf(text: string): Generator<Token> {
  const tagOrText = /<(\/?)([A-Za-z_][\w.-]{0,63})>|[^<]+/y
  for (let at = 0; at < text.length; ) {
    if (text.startsWith(cdataStart, at)) {
      const end = text.indexOf(cdataEnd, at)
      if (end === -1) throw new Refused('xml')
      yield { is: 'cdata', text: text.slice(at + cdataStart.length, end) }
      at = end + cdataEnd.length
      continue
    }
    tagOrText.lastIndex = at
    const [found, slash, name] = tagOrText.exec(text) ?? []
    if (found === undefined) throw new Refused('xml')
    if (name === undefined) yield { is: 'text', text: unescaped(found) }
    else yield { is: slash === '/' ? 'close' : 'open', text: name }
    at += found.length
  }
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Only the five predefined entities: what a document defines itself, and numbers, are refused. */
function unescaped(text: string): string {
  if (text.includes(cdataEnd)) throw new Refused('xml')
  return text.replace(/&(?:(lt|gt|amp|quot|apos);)?/g, (_, name?: string) => {
    const character = name === undefined ? undefined : entities[name]
    if (character === undefined) throw new Refused('xml')
    return character
  })
}

const isBlank = (text: string): boolean => /^[ \t\r\n]*$/.test(text)

/** A byte order mark stays and is refused as text. */
function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Refused('xml')
  }
}
