/** `POST service/get_provider_token` (p/96237): the token of a service provider itself. */

import type { Call } from '../call.ts'
import { readJsonBody, textField } from '../json-body.ts'
import { platformReply, type Reply } from '../replies.ts'
import { credentialCodes } from '../rules.ts'

export async function getProviderToken(call: Call): Promise<Reply> {
  const { directory, tokens, settings } = call.state
  const { errcodes } = settings.switches
  const body = await readJsonBody(call)
  const corpId = textField(body, 'corpid', 41002)
  const missing = errcodes['provider-secret-missing'] ?? credentialCodes['provider-secret-missing']
  const provider = directory.provider(corpId, textField(body, 'provider_secret', missing))
  call.note({ corp: corpId })
  const { text, expiresInS } = tokens.issue('provider', provider)
  return platformReply(0, 'ok', { provider_access_token: text, expires_in: expiresInS })
}
