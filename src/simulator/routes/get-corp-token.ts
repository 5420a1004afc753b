/**
 * `POST service/get_corp_token?suite_access_token` (p/90605): the access token of a company that authorised the suite,
 * of the same nature as one of `gettoken`. The suite's token stands in the query, the company in the body.
 */

import type { Call } from '../call.ts'
import { readJsonBody, textField } from '../json-body.ts'
import { type Reply, serviceReply } from '../replies.ts'

export async function getCorpToken(call: Call): Promise<Reply> {
  const { directory, tokens, settings } = call.state
  const suite = tokens.checkSuite(call.query.get('suite_access_token'))
  const body = await readJsonBody(call)
  const corpId = textField(body, 'auth_corpid', 41002)
  const permanentCode = textField(body, 'permanent_code', 41025)
  call.note({ tenant: corpId })
  const tenant = directory.tenant(suite, corpId, permanentCode)
  const { text, expiresInS } = tokens.issue('access', tenant)
  return serviceReply({ access_token: text, expires_in: expiresInS }, settings.switches)
}
