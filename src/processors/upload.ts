/** media.upload: a file becomes a media_id. Everything that can be known is checked before the first byte leaves. */

import { Fault } from '../fault.ts'
import type { Source } from '../files/file.ts'
import { checkName, type InspectRule, inspect } from '../files/inspect.ts'
import type { Subject } from '../ledger/index.ts'
import type { Payload, Result } from '../queues/jobs.ts'
import type { LedgerWrite } from '../record/index.ts'
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
import type { JobContext, Processor, Resources } from './context.ts'
import { counting, SentHash } from './counting.ts'
import { type Keeping, keeping } from './keeping.ts'
import { done, type Outcome } from './outcome.ts'
import { followed, hashOf, known, leading } from './reuse.ts'

export const upload: Processor<'media.upload'> = async (payload, context, resources) => {
  const { type } = payload
  const { id, signal } = context
  const call = callFor(payload, resources)
  const job = { payload, context, resources, call, kept: await keeping(payload, context, resources) }
  const before = followed(context)
  const early = before && (await answered(before.value as Bytes, job))
  if (early) return early
  const { maxBytes } = mediaTypes[type]
  const source = await resources.openSource(payload.source, { id, signal, maxBytes }).catch(orAsync(type))
  try {
    const name = payload.name ?? source.name
    checkName(name, maxNameBytes)
    await inspect(source, ruleFor(type)).catch(orAsync(type))
    return await (payload.reuse === 'never' && !job.kept
      ? anew(source, name, job)
      : unlessKnown(source, name, job))
  } finally {
    await source.close()
  }
}

/** Nobody has to know the hash before the bytes leave: they are read once, for both. */
async function anew(source: Source, name: string, job: UploadJob): Promise<Outcome<Result<'media.upload'>>> {
  const hash = new SentHash()
  const medium = await sent(source, name, job, hash)
  const { sizeBytes } = source
  return uploaded(medium, { name, sizeBytes, sha256: hash.hex(sizeBytes) }, job)
}

async function unlessKnown(
  source: Source,
  name: string,
  job: UploadJob,
): Promise<Outcome<Result<'media.upload'>>> {
  const { payload, context, resources } = job
  const { sizeBytes } = source
  const bytes = { name, sizeBytes, sha256: await hashOf(source, context.signal) }
  const answer = await answered(bytes, job)
  if (answer) return answer
  const subject = subjectOf(bytes, payload, resources)
  return uploaded(await leading(subject, context, resources, () => sent(source, name, job)), bytes, job)
}

async function sent(source: Source, name: string, job: UploadJob, hash?: SentHash): Promise<Uploaded> {
  const { payload, context, call } = job
  const { type } = payload
  const content = await counting(source, context.progress, hash)
  const contentType = contentTypeOf(type, source.name)
  return call({ type, name, sizeBytes: source.sizeBytes, ...content, contentType }, context.writing)
}

/** What was read of a source. */
interface Bytes {
  readonly name: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** Without a hash where the answer came before the last byte had left: what the platform has is not known to be this file. */
type Sent = Omit<Bytes, 'sha256'> & { readonly sha256: string | undefined }

interface UploadJob {
  readonly payload: Payload<'media.upload'>
  readonly context: JobContext
  readonly resources: Resources
  readonly call: Upload
  readonly kept: Keeping | undefined
}

/** The answer that is at hand; undefined when these bytes are to be uploaded. */
async function answered(bytes: Bytes, job: UploadJob): Promise<Outcome<Result<'media.upload'>> | undefined> {
  const { payload, context, resources, kept } = job
  kept?.check(bytes.sha256)
  const found = await known(subjectOf(bytes, payload, resources), payload, context, resources, bytes)
  if (!found) return undefined
  const { value: mediaId, createdAtMs, expiresAtMs = 0 } = found
  return doneWith({ mediaId, createdAtMs, expiresAtMs, reused: true }, bytes, job)
}

type Medium = Omit<Uploaded, 'type'> & { readonly reused?: true }

function doneWith(
  medium: Medium,
  { name, sizeBytes, sha256 }: Sent,
  { payload: { type, attachment }, kept }: UploadJob,
  write?: LedgerWrite,
): Outcome<Result<'media.upload'>> {
  const place = attachment === undefined ? {} : { attachment }
  const result = { type, name, sizeBytes, via: 'sync' as const, ...place, ...medium }
  const { reused = false, ...uploaded } = medium
  // Where a name is kept the hash is known.
  const named =
    sha256 === undefined ? undefined : kept?.write({ ...uploaded, sha256, sizeBytes, fileName: name, reused })
  return done(result, write, named)
}

/** With the entry in the ledger, whether or not this job has looked there. */
function uploaded(
  { mediaId, createdAtMs, expiresAtMs }: Uploaded,
  bytes: Sent,
  job: UploadJob,
): Outcome<Result<'media.upload'>> {
  const { payload, context, resources } = job
  const { name, sizeBytes, sha256 } = bytes
  const entry = { value: mediaId, createdAtMs, expiresAtMs, sizeBytes, job: context.id }
  const write =
    sha256 === undefined
      ? undefined
      : resources.ledger.write(subjectOf({ name, sha256 }, payload, resources), entry)
  return doneWith({ mediaId, createdAtMs, expiresAtMs }, bytes, job, write)
}

/** What the platform's answer will serve for. Users see the name of a `file`, and of nothing else. */
export function subjectOf(
  { name, sha256 }: Pick<Bytes, 'name' | 'sha256'>,
  { app, type, attachment }: Pick<Payload<'media.upload'>, 'app' | 'type' | 'attachment'>,
  { corpOf, kindOf }: Pick<Resources, 'corpOf' | 'kindOf'>,
): Subject {
  const shown = type === 'file' ? { name } : {}
  // A provider's media go another way, also those of a provider that is a company with apps of its own.
  const way = kindOf(app) === 'provider' ? `provider:${attachment ?? ''}` : attachment
  const place = way === undefined ? {} : { attachment: way }
  return { as: 'media', corp: corpOf(app), type, sha256, ...shown, ...place }
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
