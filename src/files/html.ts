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
 * Unclosed formatting is opened again in each paragraph, as the standard asks: 32 KB can become millions of elements.
 * At 700 bytes each (measured with parse5 8.1) this many are 140 MB, and many times what an article has.
 */
const maxElements = 200_000

type Node = DefaultTreeAdapterMap['node']

const counted = (): typeof defaultTreeAdapter => {
  let elements = 0
  return {
    ...defaultTreeAdapter,
    createElement(...args) {
      elements += 1
      if (elements > maxElements)
        throw new Fault(
          'too-big',
          `the document has more than ${maxElements} elements: close its tags, or split it`,
        )
      return defaultTreeAdapter.createElement(...args)
    },
  }
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

/**
 * Each `<img>` with a `src`, in the order of the text; not those in comments, scripts, templates, `<noscript>` and
 * `<textarea>`, which are no images there. Errors: `too-big` (elements).
 */
export const imagesIn = (html: string): readonly HtmlImage[] => {
  const document = parse(html, { sourceCodeLocationInfo: true, treeAdapter: counted() })
  const found: HtmlImage[] = []
  for (const node of nodesOf(document)) {
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
