/** `POST service/get_suite_token` (p/97162): the token of a third-party app itself, for a ticket that was pushed to it. */

import type { Call } from '../call.ts'
import { readJsonBody, textField } from '../json-body.ts'
import { Refusal } from '../refusal.ts'
import { type Reply, serviceReply } from '../replies.ts'

export async function getSuiteToken(call: Call): Promise<Reply> {
  const { directory, tickets, tokens, settings } = call.state
  const body = await readJsonBody(call)
  const suiteId = textField(body, 'suite_id', 41021)
  const suiteSecret = textField(body, 'suite_secret', 41024)
  const ticket = textField(body, 'suite_ticket', 41023)
  const suite = directory.suite(suiteId, suiteSecret)
  call.note({ agent: suiteId })
  if (!tickets.isValid(suiteId, ticket)) throw new Refusal(40085)
  const { text, expiresInS } = tokens.issue('suite', suite)
  return serviceReply({ suite_access_token: text, expires_in: expiresInS }, settings.switches)
}
