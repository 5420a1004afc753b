/** media.upload-image: an image becomes a URL for ever, at the cost of a unit of the company's quota. */

import { checkName, type InspectRule, inspect } from '../files/inspect.ts'
import { formatsOf, maxNameBytes, permanentImage as rules } from '../wecom/media-types.ts'
import type { Processor } from './context.ts'
import { counting } from './counting.ts'
import { done } from './outcome.ts'
import { hashOf, known, leading } from './reuse.ts'
import { held, withUnit } from './units.ts'

export const permanentImage: Processor<'media.upload-image'> = async (payload, context, resources) => {
  const client = resources.client(payload.app)
  if (context.attempt.wasUnknown && payload.onUnknown === 'hold') throw held()
  const { id, signal } = context
  const source = await resources.openSource(payload.source, { id, signal, maxBytes: rules.maxBytes })
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    await inspect(source, imageRule)
    const { sizeBytes } = source
    const corp = resources.corpOf(payload.app)
    const subject = { as: 'image', corp, sha256: await hashOf(source, signal) } as const
    const found = await known(subject, payload, context, resources)
    if (found) return done({ url: found.value, name, sizeBytes, reused: true as const })
    const image = { name, sizeBytes, open: counting(source, context.progress) }
    const upload = () =>
      withUnit(payload, context, resources, context.writing, writing => client.uploadImage(image, writing))
    const { url } = await leading(subject, context, resources, upload)
    const entry = { value: url, createdAtMs: context.attempt.nowMs(), sizeBytes, job: id }
    return done({ url, name, sizeBytes }, resources.ledger.write(subject, entry))
  } finally {
    await source.close()
  }
}

/** What every permanent image is checked for before it costs anything. */
export const imageRule: InspectRule = {
  type: 'permanent image',
  minBytesExclusive: rules.minBytes - 1,
  maxBytes: rules.maxBytes,
  formats: formatsOf('image'),
}
