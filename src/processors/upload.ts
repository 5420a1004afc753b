/** media.upload: a file becomes a media_id. Everything that can be known is checked before the first byte leaves. */

import { Fault } from '../fault.ts'
import { checkName, type InspectRule, inspect } from '../files/inspect.ts'
import type { Payload } from '../queues/jobs.ts'
import type { AttachmentFile, CallOptions, Client, Uploaded, UploadFile } from '../wecom/index.ts'
import {
  asyncMedia,
  contentTypeOf,
  formatsOf,
  type MediaType,
  maxNameBytes,
  mediaTypes,
  minBytes,
} from '../wecom/media-types.ts'
import type { Processor, Resources } from './context.ts'
import { counting } from './counting.ts'
import { done } from './outcome.ts'

export const upload: Processor<'media.upload'> = async (payload, context, resources) => {
  const { type, attachment } = payload
  const { id, signal, writing, progress } = context
  const call = callFor(payload, resources)
  const { maxBytes } = mediaTypes[type]
  const source = await resources.openSource(payload.source, { id, signal, maxBytes }).catch(orAsync(type))
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    await inspect(source, ruleFor(type)).catch(orAsync(type))
    const { sizeBytes } = source
    const open = counting(source, progress)
    const file = { type, name, sizeBytes, open, contentType: contentTypeOf(type, source.name) }
    const { mediaId, createdAtMs, expiresAtMs } = await call(file, writing)
    const use = attachment === undefined ? {} : { attachment }
    return done({ mediaId, type, name, sizeBytes, createdAtMs, expiresAtMs, via: 'sync' as const, ...use })
  } finally {
    await source.close()
  }
}

type Upload = (file: UploadFile, options: CallOptions) => Promise<Uploaded>

/** Which of the platform's three uploads it is. */
function callFor({ app, attachment }: Payload<'media.upload'>, resources: Resources): Upload {
  const client: Client = resources.client(app)
  const isProvider = resources.kindOf(app) === 'provider'
  if (attachment === undefined)
    return (file, options) =>
      isProvider ? client.uploadForProvider(file, options) : client.upload(file, options)
  if (isProvider !== (attachment === 'cashier')) throw misplaced(app, attachment, isProvider)
  if (attachment === 'cashier')
    return (file, options) => client.uploadForProvider({ ...file, attachment }, options)
  // The client says which types an attachment takes.
  return (file, options) => client.uploadAttachment({ ...file, attachment } as AttachmentFile, options)
}

const misplaced = (app: string, attachment: string, isProvider: boolean): Fault =>
  new Fault(
    'invalid',
    `app "${app}" is ${isProvider ? 'a' : 'no'} provider app: ${attachment} is for ${isProvider ? 'apps of a company' : 'provider apps'}; name another app`,
  )

/** What is too big for this way, but not for the asynchronous one, gets to know of it. */
const orAsync =
  (type: MediaType) =>
  (error: unknown): never => {
    const isAsync = (asyncMedia.types as readonly string[]).includes(type)
    if (!isAsync || !(error instanceof Fault) || error.kind !== 'too-big') throw error
    const way = `a ${type} of up to 200 MB behind a URL can go through media.async-upload, for group-welcome material only`
    throw new Fault('too-big', `${error.message}; ${way}`, { cause: error })
  }

function ruleFor(type: MediaType): InspectRule {
  const rules: { maxBytes: number; maxSeconds?: number } = mediaTypes[type]
  const { maxBytes, maxSeconds } = rules
  const rule = { type, minBytesExclusive: minBytes - 1, maxBytes, formats: formatsOf(type) }
  return maxSeconds === undefined ? rule : { ...rule, maxSeconds }
}
