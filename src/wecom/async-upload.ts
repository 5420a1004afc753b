/**
 * The asynchronous way: the platform fetches a URL itself and names a job; its result is asked for by that name. A
 * submit is not idempotent: store the jobId before anything else.
 */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { readReply } from './answer.ts'
import type { AsyncUpload, AsyncUploadResult, Client } from './api.ts'
import type { Call } from './call.ts'
import { errcodeFault } from './errors.ts'
import { jsonBody } from './json-body.ts'
import { asyncMedia as rules } from './media-types.ts'
import { perform } from './perform.ts'
import { madeAtMs, mediaLifeMs } from './platform.ts'
import { jobReply, jobResultReply } from './replies.ts'
import { invalid } from './requests.ts'

/** The only scene there is: material for group welcomes (facts §6.1). */
const scene = 1

const resultMethod = 'media/get_upload_by_url_result'

export function asyncBindings(call: Call, clock: Clock): Pick<Client, 'uploadByUrl' | 'uploadByUrlResult'> {
  return {
    async uploadByUrl(upload, options = {}) {
      checkAsyncUpload(upload)
      const { type, name, url, md5 } = upload
      const body = jsonBody({ scene, type, filename: name, url, md5: md5.toLowerCase() })
      const read = readReply(jobReply)
      const { jobid } = await perform(call, {
        ...options,
        method: 'media/upload_by_url',
        query: {},
        body,
        read,
      })
      return { jobId: jobid }
    },
    async uploadByUrlResult(jobId, options = {}) {
      if (jobId === '' || Buffer.byteLength(jobId) > rules.jobIdMaxBytes)
        throw invalid(`a jobid has 1 to ${rules.jobIdMaxBytes} bytes`)
      const startedMs = clock.nowMs()
      const body = jsonBody({ jobid: jobId })
      const read = readReply(jobResultReply)
      const reply = await perform(call, { ...options, method: resultMethod, query: {}, body, read })
      if (reply.state === 'running') return reply
      if (reply.state === 'failed') return { state: 'failed', fault: jobFault(reply.detail) }
      return done(reply.detail, startedMs)
    },
  }
}

interface Done {
  readonly media_id: string
  readonly created_at?: number | undefined
  readonly create_at?: number | undefined
}

function done({ media_id, created_at, create_at }: Done, askedMs: number): AsyncUploadResult {
  const createdAt = created_at ?? create_at
  // Without the platform's time: a job that is still known was submitted at most its life ago.
  const createdAtMs = createdAt === undefined ? askedMs - rules.jobLifeMs : madeAtMs(createdAt, askedMs)
  return { state: 'done', mediaId: media_id, createdAtMs, expiresAtMs: createdAtMs + mediaLifeMs }
}

function jobFault({
  errcode = 0,
  errmsg,
}: {
  errcode?: number | undefined
  errmsg?: string | undefined
}): Fault {
  if (errcode !== 0) return errcodeFault(resultMethod, errcode, errmsg)
  return new Fault(
    'rejected',
    `${resultMethod}: the job failed and the platform does not say why; submit it again`,
  )
}

const md5Hex = /^[\da-f]{32}$/i

/** Throws `invalid` or `wrong-type` for a job that the platform would refuse; no message holds the URL. */
export function checkAsyncUpload({ type, name, url, md5 }: AsyncUpload): void {
  checkType(type)
  const nameBytes = Buffer.byteLength(name)
  if (nameBytes < 1 || nameBytes > rules.nameMaxBytes || name.includes('\0')) {
    const act = 'Chinese characters have 3 each: give a shorter one'
    throw invalid(
      `the name has ${nameBytes} bytes and must have 1 to ${rules.nameMaxBytes} without a NUL; ${act}`,
    )
  }
  const urlBytes = Buffer.byteLength(url)
  if (urlBytes > rules.urlMaxBytes)
    throw invalid(`the URL has ${urlBytes} bytes and may have ${rules.urlMaxBytes}; give a shorter one`)
  // URL.parse would drop line breaks and blanks that are sent all the same.
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '') || /[\s\p{Cc}]/u.test(url))
    throw invalid('the URL is no http(s) URL, or holds blanks')
  if (!md5Hex.test(md5)) throw invalid('the md5 must be 32 hexadecimal digits of the whole file')
}

function checkType(type: string): void {
  const types: readonly string[] = rules.types
  if (types.includes(type)) return
  const takes = `async upload takes ${types.join(' and ')}`
  if (type !== 'image' && type !== 'voice') throw invalid(`unknown media type: ${takes}`)
  throw new Fault('wrong-type', `${takes}, no ${type}: use media/upload for it; nothing was sent`)
}
