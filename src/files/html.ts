/** The images of an HTML document, found as browsers find them, and replaced where they stand: every other byte stays as it was. */

import { type DefaultTreeAdapterMap, defaultTreeAdapter, parse } from 'parse5'
import { Fault } from '../fault.ts'

/** The `src` of an `<img>`. Offsets count UTF-16 units of the text, from the attribute's name to the end of its value. */
export interface HtmlImage {
  /** As the parser reads it: entities decoded, line ends as LF. */
  readonly src: string
  readonly startOffset: number
  readonly endOffset: number
}

/**
 * Of elements, attributes and comments together. Unclosed formatting is opened again in each paragraph, as the standard
 * asks: 32 KB can become millions of elements. At 700 bytes each (measured with parse5 8.1) this many are 140 MB, and
 * many times what an article has.
 */
const maxParts = 200_000

/** Text and markup that is no data URI: parsing it holds the whole process up, about 0.5 s for so much. */
const maxTextBytes = 2 * 1024 * 1024

type Node = DefaultTreeAdapterMap['node']

const counted = (): typeof defaultTreeAdapter => {
  let parts = 0
  const count = (more: number): void => {
    parts += more
    if (parts <= maxParts) return
    throw new Fault(
      'too-big',
      `the document has more than ${maxParts} elements, attributes and comments: close its tags, or split it`,
    )
  }
  return {
    ...defaultTreeAdapter,
    createElement(tagName, namespace, attributes) {
      count(1 + attributes.length)
      return defaultTreeAdapter.createElement(tagName, namespace, attributes)
    },
    createCommentNode(data) {
      count(1)
      return defaultTreeAdapter.createCommentNode(data)
    },
  }
}

const dataUri = /\bdata:[^"'<>\s]*/gi

function checkLength(html: string): void {
  const textBytes = Buffer.byteLength(html.replace(dataUri, ''))
  if (textBytes <= maxTextBytes) return
  throw new Fault(
    'too-big',
    `the document has ${textBytes} bytes besides its data URIs, at most ${maxTextBytes} are taken: split it`,
  )
}

/** What stands in a template is a fragment of its own, and no child. A list, not a recursion: documents nest as deep as they like. */
function* nodesOf(document: Node): Generator<Node> {
  const open: Node[] = [document]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node
    if ('childNodes' in node) for (const child of node.childNodes) open.push(child)
  }
}

/** Where a value is missing, the parser's attribute ends before the equals sign. */
const missingValue = /[\t\n\f\r ]*=[\t\n\f\r ]*/y

const endOf = (html: string, startOffset: number, endOffset: number): number => {
  if (html.slice(startOffset, endOffset).includes('=')) return endOffset
  missingValue.lastIndex = endOffset
  return endOffset + (missingValue.exec(html)?.[0].length ?? 0)
}

const imageAt = (html: string, node: Node): HtmlImage | undefined => {
  if (!('tagName' in node) || node.tagName !== 'img') return undefined
  const src = node.attrs.find(({ name }) => name === 'src')?.value
  const where = node.sourceCodeLocation?.attrs?.['src']
  if (src === undefined || where === undefined) return undefined
  const { startOffset, endOffset } = where
  return { src, startOffset, endOffset: endOf(html, startOffset, endOffset) }
}

const parsed = (html: string): Node => {
  checkLength(html)
  return parse(html, { sourceCodeLocationInfo: true, treeAdapter: counted() })
}

/** Where the document says that its relative addresses begin: the `href` of its first `<base>`. Errors: those of `imagesIn`. */
export const baseIn = (html: string): string | undefined => {
  // Most documents have none, and parsing costs.
  if (!/<base\b/i.test(html)) return undefined
  const bases = [...nodesOf(parsed(html))].filter(node => 'tagName' in node && node.tagName === 'base')
  const hrefs = bases.map(node => ({
    href: 'attrs' in node ? node.attrs.find(({ name }) => name === 'href')?.value : undefined,
    at: ('sourceCodeLocation' in node && node.sourceCodeLocation?.startOffset) || 0,
  }))
  return hrefs.toSorted((a, b) => a.at - b.at).find(({ href }) => href !== undefined)?.href
}

/**
 * Each `<img>` with a `src`, in the order of the text; not those in comments, scripts, templates, `<noscript>` and
 * `<textarea>`, which are no images there. Errors: `too-big` (text, elements).
 */
export const imagesIn = (html: string): readonly HtmlImage[] => {
  const found: HtmlImage[] = []
  for (const node of nodesOf(parsed(html))) {
    const image = imageAt(html, node)
    if (image !== undefined) found.push(image)
  }
  return found.sort((a, b) => a.startOffset - b.startOffset)
}

const attribute = (src: string): string => `src="${src.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`

/** The document with other sources; where `replace` answers nothing, the attribute stays. Errors: those of `imagesIn`. */
export const withSources = (html: string, replace: (src: string) => string | undefined): string => {
  const parts: string[] = []
  let at = 0
  for (const { src, startOffset, endOffset } of imagesIn(html)) {
    const other = replace(src)
    if (other === undefined) continue
    parts.push(html.slice(at, startOffset), attribute(other))
    at = endOffset
  }
  return parts.join('') + html.slice(at)
}
