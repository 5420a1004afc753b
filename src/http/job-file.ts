/** The file of a finished job, from the folder that http and workers share; whole or in part, and never run by a browser. */

import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { Fault } from '../fault.ts'
import { openLocal } from '../files/dir.ts'
import type { Source } from '../files/file.ts'
import { safeName } from '../files/safe-name.ts'
import type { JobRecord } from '../record/index.ts'
import { fileOf } from './job-view.ts'
import { Id, type JobParts, ownJob } from './jobs.ts'
import { type Answer, type Asked, type Operation, operation } from './operation.ts'
import { dispositionOf, type Span, spanIn } from './range.ts'

export interface FileParts extends JobParts {
  /** Absolute. */
  readonly downloads: string
}

const summary = 'The bytes of a finished download, or the document of an article that came as a file.'

const answers = {
  200: { description: 'The whole file. `ETag` is its SHA-256.', contentType: 'application/octet-stream' },
  206: { description: 'The part that `Range` asks for.', contentType: 'application/octet-stream' },
  304: { description: 'The file has the `If-None-Match` that was sent.' },
  409: { description: 'There is no file yet, or the job failed.' },
  410: { description: 'The file is gone, or not visible from this host.' },
  416: { description: 'The range lies outside the file.' },
}

export const jobFile = (parts: FileParts): Operation[] =>
  (['GET', 'HEAD'] as const).map(verb =>
    operation({
      ...{ id: `${verb.toLowerCase()}-job-file`, verb, path: '/v1/jobs/:id/file', right: 'read', params: Id },
      ...{ summary, answers },
      handle: asked => answerWith(parts, asked),
    }),
  )

async function answerWith(parts: FileParts, { caller, params, request }: AskedFile): Promise<Answer> {
  const { id } = params
  const record = await ownJob(parts, caller, id)
  const path = demandFile(record)
  const facts = (record.result ?? {}) as FileFacts
  const source = await openShared(parts, path, facts)
  const headers = headersOf(id, path, facts)
  const { headers: asked } = request
  const isSame = (tags: string | undefined) =>
    headers.etag !== undefined && (tags ?? '').split(/\s*,\s*/).includes(headers.etag)
  const ifRange = asked['if-range']
  const range = ifRange === undefined || isSame(String(ifRange)) ? asked.range : undefined
  const span = spanIn(range, source.sizeBytes)
  if (isSame(asked['if-none-match'])) return closing(source, { status: 304, headers })
  if (span === 'unsatisfiable')
    return closing(source, { status: 416, headers: { 'content-range': `bytes */${source.sizeBytes}` } })
  const { start, end } = span === 'whole' ? { start: 0, end: source.sizeBytes - 1 } : span
  const answer = {
    status: span === 'whole' ? 200 : 206,
    headers: {
      ...headers,
      'content-length': String(end - start + 1),
      ...(span !== 'whole' && { 'content-range': `bytes ${start}-${end}/${source.sizeBytes}` }),
    },
  }
  if (request.method === 'HEAD') return closing(source, answer)
  return { ...answer, body: streamOf(source, { start, end }) }
}

type AskedFile = Asked<{ readonly id: string }>

interface FileFacts {
  readonly name?: string
  readonly sha256?: string
  readonly sizeBytes?: number
  readonly contentType?: string
}

async function closing(source: Source, answer: Answer): Promise<Answer> {
  await source.close()
  return answer
}

function demandFile(record: JobRecord): string {
  const { id, name, state, fault } = record
  const path = fileOf(record)
  if (path !== undefined) return path
  if (state === 'done') throw new Fault('not-found', `the job ${id} (${name}) has no file: read its result`)
  if (fault) throw new Fault('conflict', `the job ended as ${state} (${fault.kind}): it has no file`)
  throw new Fault(
    'pending',
    `the job is ${state}: its file is there when it is done; ask for it with wait=30`,
  )
}

/** By its name in the folder as this host sees it: workers may have it elsewhere. */
async function openShared({ downloads }: FileParts, path: string, facts: FileFacts): Promise<Source> {
  const here = join(downloads, basename(path))
  const gone = (why: string, cause?: unknown) =>
    new Fault('gone', `the file ${basename(path)} ${why}: ask for the download again`, { cause })
  const source = await openLocal(here, { roots: [downloads] }).catch(cause => {
    throw gone(
      'is not visible from this host; it was removed, or workers have another folder (WECOM_MEDIA_FILES)',
      cause,
    )
  })
  if (facts.sizeBytes === undefined || facts.sizeBytes === source.sizeBytes) return source
  await source.close()
  throw gone('was changed after the job')
}

const plainType = /^[\w.+-]+\/[\w.+-]+/

function headersOf(id: string, path: string, { name, sha256, contentType }: FileFacts) {
  const isDocument = path.endsWith('.html')
  const type =
    plainType.exec(contentType ?? '')?.[0] ?? (isDocument ? 'text/html' : 'application/octet-stream')
  return {
    'content-type': type,
    'content-disposition': dispositionOf(safeName(name ?? basename(path), id)),
    'accept-ranges': 'bytes',
    ...(sha256 !== undefined && sha256 !== '' && { etag: `"${sha256}"` }),
  } as Readonly<Record<string, string>> & { readonly etag?: string }
}

const chunkBytes = 128 * 1024

/** Closes the file when it was read, or when nobody reads on. */
function streamOf(source: Source, { start, end }: Span): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      for (let at = start; at <= end; ) {
        const chunk = await source.read(at, Math.min(chunkBytes, end - at + 1))
        // Less than announced: the connection breaks, which is the truth.
        if (chunk.length === 0) throw new Fault('gone', 'the file was cut while it was read')
        at += chunk.length
        yield chunk
      }
    } finally {
      await source.close()
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: chunkBytes })
}
