/** media.article: the images of an HTML document become permanent; every other byte of it stays as it was. */

import { Fault } from '../fault.ts'
import { imagesIn, withSources } from '../files/html.ts'
import { nameOfSrc, openSrc } from '../files/image-src.ts'
import { publishDocument, readDocument } from './article-document.ts'
import { makePermanent } from './article-images.ts'
import type { Processor } from './context.ts'
import { done } from './outcome.ts'
import { held } from './units.ts'

/** What a company may upload in a day (document/path/90454): with more, an article would take days. */
const maxImages = 1_000

export const article: Processor<'media.article'> = async (payload, context, resources) => {
  // First of all, and for an article without images, too: the app must be known here.
  resources.client(payload.app)
  if (context.attempt.wasUnknown && payload.onUnknown === 'hold') throw held()
  const document = await readDocument(payload, context, resources)
  const srcs = sourcesIn(document.html)
  const images = await makePermanent(srcs, { payload, context, resources, base: document.base })
  const urls = new Map(images.map(({ src, url }) => [src, url]))
  const html = withSources(document.html, src => urls.get(src))
  const report = images.map(image => ({ ...image, src: shown(image.src) }))
  if (payload.source === undefined) return done({ html, images: report })
  const path = await publishDocument(html, context, resources.downloads)
  return done({ path, images: report })
}

/** Each one once, in the order of the text. */
function sourcesIn(html: string): string[] {
  const srcs = [...new Set(imagesIn(html).map(({ src }) => src))]
  if (srcs.length <= maxImages) return srcs
  throw new Fault(
    'too-big',
    `the article has ${srcs.length} images, at most ${maxImages} are taken: split it`,
  )
}

/** Longer ones name nothing that could be opened. */
const srcMaxLength = 4_096

/** A result is kept and shown. */
const shown = (src: string): string =>
  /^\s*data:/i.test(src) ? nameOfSrc(src) : openSrc(src).slice(0, srcMaxLength)
