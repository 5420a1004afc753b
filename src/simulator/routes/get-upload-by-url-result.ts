/**
 * `POST media/get_upload_by_url_result?access_token` (p/96219): what became of an asynchronous upload. The answer's own
 * errcode is 0 also when the job failed; why stands in `detail`, which a running job has not.
 */

import { demand } from '../apps.ts'
import { textOf } from '../async-fields.ts'
import type { AsyncState } from '../async-jobs.ts'
import type { Call } from '../call.ts'
import { readJsonBody } from '../json-body.ts'
import type { Switches } from '../options.ts'
import { platformReply, type Reply } from '../replies.ts'
import { maxJobIdBytes } from '../rules.ts'

const statuses = { running: 1, done: 2, failed: 3 } as const

export async function getUploadByUrlResult(call: Call): Promise<Reply> {
  const { tokens, jobs, settings } = call.state
  const { switches } = settings
  const grantee = tokens.check(call.query.get('access_token'))
  demand(grantee, 'customer-contact')
  const jobId = textOf(await readJsonBody(call), 'jobid', maxJobIdBytes, switches)
  call.note({ corp: grantee.corpId, jobId })
  const state = jobs.find(jobId, grantee.corpId)
  if (state.status === 'done') call.note({ mediaId: state.mediaId })
  const status = statuses[state.status]
  return platformReply(0, 'ok', {
    status: switches.asyncStatus === 'number' ? status : `${status}`,
    ...detailOf(state, switches),
  })
}

function detailOf(state: AsyncState, { createdAt }: Switches): { readonly detail?: object } {
  if (state.status === 'running') return {}
  if (state.status === 'failed') return { detail: { errcode: state.errcode, errmsg: state.errmsg } }
  const createdAtS = state.createdAtMs / 1000
  return {
    detail: {
      errcode: 0,
      errmsg: 'ok',
      media_id: state.mediaId,
      created_at: createdAt === 'string' ? `${createdAtS}` : createdAtS,
    },
  }
}
