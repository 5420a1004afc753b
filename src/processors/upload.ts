/** media.upload: a file becomes a media_id. Everything that can be known is checked before the first byte leaves. */

import { openSource } from '../files/file.ts'
import { checkName, type InspectRule, inspect } from '../files/inspect.ts'
import {
  contentTypeOf,
  formatsOf,
  type MediaType,
  maxNameBytes,
  mediaTypes,
  minBytes,
} from '../wecom/media-types.ts'
import type { Processor } from './context.ts'
import { counting } from './counting.ts'
import { done } from './outcome.ts'

export const upload: Processor<'media.upload'> = async (payload, { writing, progress }, resources) => {
  const { app, type } = payload
  const client = resources.client(app)
  const source = await openSource(payload.source, { roots: resources.roots })
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    await inspect(source, ruleFor(type))
    const { sizeBytes } = source
    const open = counting(source, progress)
    const file = { type, name, sizeBytes, open, contentType: contentTypeOf(type, source.name) }
    const { mediaId, createdAtMs, expiresAtMs } = await client.upload(file, writing)
    return done({ mediaId, type, name, sizeBytes, createdAtMs, expiresAtMs, via: 'sync' as const })
  } finally {
    await source.close()
  }
}

function ruleFor(type: MediaType): InspectRule {
  const rules: { maxBytes: number; maxSeconds?: number } = mediaTypes[type]
  const { maxBytes, maxSeconds } = rules
  const rule = { type, minBytesExclusive: minBytes - 1, maxBytes, formats: formatsOf(type) }
  return maxSeconds === undefined ? rule : { ...rule, maxSeconds }
}
