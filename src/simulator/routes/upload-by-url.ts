/**
 * `POST media/upload_by_url?access_token` (p/96219, p/97126): asks for an asynchronous upload. Order of the checks is
 * assumed: token, permission, fields. Not idempotent: the same request again is another job.
 */

import { demand } from '../apps.ts'
import { type Body, fieldOf, textOf } from '../async-fields.ts'
import type { AsyncRequest } from '../async-jobs.ts'
import type { Call } from '../call.ts'
import { readJsonBody } from '../json-body.ts'
import type { Switches } from '../options.ts'
import { refusalFor } from '../refusal.ts'
import { platformReply, type Reply } from '../replies.ts'
import { asyncUpload } from '../rules.ts'

export async function uploadByUrl(call: Call): Promise<Reply> {
  const { tokens, jobs, settings } = call.state
  const grantee = tokens.check(call.query.get('access_token'))
  demand(grantee, 'customer-contact')
  const request = readRequest(await readJsonBody(call), settings.switches)
  const jobId = jobs.submit(grantee, request)
  call.note({ corp: grantee.corpId, filename: request.filename, jobId })
  return platformReply(0, 'ok', { jobid: jobId })
}

function readRequest(body: Body, switches: Switches): AsyncRequest {
  const { scene, types, maxFilenameBytes, maxUrlBytes, maxMd5Bytes } = asyncUpload
  if (fieldOf(body, 'scene', switches) !== scene) throw refusalFor('async-parameter-wrong', switches)
  const type = types.find(each => each === fieldOf(body, 'type', switches))
  if (type === undefined) throw refusalFor('async-parameter-wrong', switches)
  return {
    type,
    filename: textOf(body, 'filename', maxFilenameBytes, switches),
    url: textOf(body, 'url', maxUrlBytes, switches),
    md5: textOf(body, 'md5', maxMd5Bytes, switches),
  }
}
