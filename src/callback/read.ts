/** A request of the platform, read and checked, before anything is done about it. Pure; what is wrong throws `Refused`. */

import { type Opened, openEnvelope, sameId } from './envelope.ts'
import { type Addressee, type CallbackEvent, readEvent } from './events.ts'
import { Refused } from './refused.ts'
import type { CallbackRequest, Party } from './seams.ts'
import { readXml } from './xml.ts'

/** A URL check: the platform wants to see this text again. */
export interface Check {
  readonly echo: string
}

export interface Delivery extends Addressee {
  readonly party: Party
  readonly event: CallbackEvent
  readonly hash: string
}

export function readRequest(request: CallbackRequest, nowMs: number): Check | Delivery {
  const { verb, party } = request
  if (verb !== 'GET' && verb !== 'POST') throw new Refused('method')
  if (party === undefined) throw new Refused('unknown-party')
  return verb === 'GET' ? readCheck(request, party, nowMs) : readDelivery(request, party, nowMs)
}

/**
 * A recorded delivery is signed as well and could be sent again as a check, to have its message answered in clear.
 * Messages are XML, so what a check may carry has no angle bracket.
 */
const echoFormat = /^[!-;=?-~]{1,256}$/

function readCheck(request: CallbackRequest, party: Party, nowMs: number): Check {
  const { message, receiveId } = opened(
    request,
    party,
    { encrypt: request.query['echostr'], isCheck: true },
    nowMs,
  )
  if (!oneOf(party.verifiedAs, receiveId)) throw new Refused('receiver')
  const echo = message.toString('latin1')
  if (!echoFormat.test(echo)) throw new Refused('malformed')
  return { echo }
}

function readDelivery(request: CallbackRequest, party: Party, nowMs: number): Delivery {
  // ToUserName outside is not reliable (facts §8.3): only the ciphertext counts.
  const outer = readXml(request.body)
  const { message, receiveId, hash } = opened(
    request,
    party,
    { encrypt: outer.get('Encrypt'), isCheck: false },
    nowMs,
  )
  const isSuite = party.suiteId !== undefined && sameId(party.suiteId, receiveId)
  if (!isSuite && !party.serves(receiveId)) throw new Refused('receiver')
  const event = readEvent(readXml(message, 'skip'), { receiveId, isSuite }, nowMs)
  return { party, event, receiveId, isSuite, hash }
}

const oneOf = (ids: readonly string[], id: string): boolean =>
  ids.map(each => sameId(each, id)).includes(true)

/** What stands in the path when the platform has replaced nothing: nobody says whether it does for a URL check. */
const placeholder = '$CORPID$'

const isMeant = (corpId: string, receiveId: string, isCheck: boolean): boolean =>
  corpId === placeholder ? isCheck : sameId(corpId, receiveId)

interface Letter {
  readonly encrypt: unknown
  readonly isCheck: boolean
}

function opened(
  { query, corpId }: CallbackRequest,
  party: Party,
  { encrypt, isCheck }: Letter,
  nowMs: number,
): Opened {
  const { msg_signature: signature, timestamp, nonce } = query
  const found = openEnvelope({ signature, timestamp, nonce, encrypt }, party.keys, nowMs)
  if (corpId !== undefined && !isMeant(corpId, found.receiveId, isCheck)) throw new Refused('receiver')
  return found
}
