/** media.upload-image: an image becomes a URL for ever, at the cost of a unit of the company's quota. */

import { checkName, type InspectRule, inspect } from '../files/inspect.ts'
import type { Subject } from '../ledger/index.ts'
import type { Payload, Result } from '../queues/jobs.ts'
import { formatsOf, maxNameBytes, permanentImage as rules } from '../wecom/media-types.ts'
import type { JobContext, Processor, Resources } from './context.ts'
import { counting } from './counting.ts'
import { done, type Outcome } from './outcome.ts'
import { followed, hashOf, known, leading } from './reuse.ts'
import { held, withUnit } from './units.ts'

export const permanentImage: Processor<'media.upload-image'> = async (payload, context, resources) => {
  const client = resources.client(payload.app)
  if (context.attempt.wasUnknown && payload.onUnknown === 'hold') throw held()
  const { id, signal } = context
  const before = followed(context)
  const early = before && (await answered(before.value as Bytes, payload, context, resources))
  if (early) return early
  const source = await resources.openSource(payload.source, { id, signal, maxBytes: rules.maxBytes })
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    await inspect(source, imageRule)
    const { sizeBytes } = source
    const bytes = { name, sizeBytes, sha256: await hashOf(source, signal) }
    const answer = await answered(bytes, payload, context, resources)
    if (answer) return answer
    const image = { name, sizeBytes, ...(await counting(source, context.progress)) }
    const upload = () =>
      withUnit(payload, context, resources, context.writing, writing => client.uploadImage(image, writing))
    const subject = subjectOf(bytes, payload, resources)
    const { url } = await leading(subject, context, resources, upload)
    const entry = { value: url, createdAtMs: context.attempt.nowMs(), sizeBytes, job: id }
    return done({ url, name, sizeBytes }, resources.ledger.write(subject, entry))
  } finally {
    await source.close()
  }
}

/** What was read of a source. */
interface Bytes {
  readonly name: string
  readonly sizeBytes: number
  readonly sha256: string
}

type Request = Payload<'media.upload-image'>

/** The answer that is at hand; undefined when the image is to be uploaded. */
async function answered(
  bytes: Bytes,
  payload: Request,
  context: JobContext,
  resources: Resources,
): Promise<Outcome<Result<'media.upload-image'>> | undefined> {
  const found = await known(subjectOf(bytes, payload, resources), payload, context, resources, bytes)
  const { name, sizeBytes } = bytes
  return found && done({ url: found.value, name, sizeBytes, reused: true as const })
}

const subjectOf = ({ sha256 }: Bytes, { app }: Request, { corpOf }: Resources): Subject => ({
  ...{ as: 'image', corp: corpOf(app), sha256 },
})

/** What every permanent image is checked for before it costs anything. */
export const imageRule: InspectRule = {
  type: 'permanent image',
  minBytesExclusive: rules.minBytes - 1,
  maxBytes: rules.maxBytes,
  formats: formatsOf('image'),
}
