/**
 * `GET gettoken?corpid&corpsecret` (p/91039, and p/97164 for agent-built apps). A token that is handed out again
 * tells the seconds it has left.
 */

import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import { platformReply, type Reply } from '../replies.ts'

export function gettoken({ query, state }: Call): Reply {
  const corpId = query.get('corpid')
  const secret = query.get('corpsecret')
  if (!corpId) throw new Refusal(41002)
  if (!secret) throw new Refusal(41004)
  const token = state.tokens.issue('access', state.directory.app(corpId, secret))
  return platformReply(0, 'ok', { access_token: token.text, expires_in: token.expiresInS })
}
