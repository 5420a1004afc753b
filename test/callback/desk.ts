/** A receiver with one app and one suite, a clock to set, and a sink that writes down what it is told. */

import { callbackKeys } from '../../src/callback/envelope.ts'
import { createReceiver, type ReceiverOptions } from '../../src/callback/receiver.ts'
import type { CallbackAnswer, CallbackRequest, Party, Sink } from '../../src/callback/seams.ts'
import { setClock } from '../support/set-clock.ts'
import { type Sealed, type SealOptions, sealed } from './sealed.ts'

/** The own vectors of facts §8.4. */
export const token = 'TestToken01'
export const aesKey = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPA'
export const corp = 'ww0123456789abcdef'
export const nowS = 1_700_000_000

export const provider = 'wwprovider00000000'
export const tenant = 'wpTENANT_-00000001'
export const suite = 'ww000000000suite00'

export const appParty: Party = {
  id: 'sales',
  keys: callbackKeys(token, aesKey),
  verifiedAs: [corp],
  serves: corpId => corpId === corp,
}

export const suiteParty: Party = {
  id: 'suite',
  keys: callbackKeys(token, aesKey),
  verifiedAs: [provider],
  suiteId: suite,
  serves: corpId => corpId === tenant,
}

export const finished = (jobId = 'jobid_TEST_0001', createTime: number | string = nowS): string =>
  `<xml><ToUserName><![CDATA[${corp}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>` +
  `<CreateTime>${createTime}</CreateTime><MsgType><![CDATA[event]]></MsgType>` +
  `<Event><![CDATA[upload_media_job_finish]]></Event><JobId><![CDATA[${jobId}]]></JobId></xml>`

export const ticket = (value = 'ticket-1', stamp: number | string = nowS): string =>
  `<xml><SuiteId><![CDATA[${suite}]]></SuiteId><InfoType><![CDATA[suite_ticket]]></InfoType>` +
  `<TimeStamp>${stamp}</TimeStamp><SuiteTicket><![CDATA[${value}]]></SuiteTicket></xml>`

export const seal = (message: string | Buffer, options: Partial<SealOptions> = {}): Sealed =>
  sealed({ token, aesKey, receiveId: corp, timestampS: nowS, nonce: 'n0nce123', message, ...options })

export const post = ({ query, body }: Sealed, change: Partial<CallbackRequest> = {}): CallbackRequest => ({
  verb: 'POST',
  party: appParty,
  query,
  body: Buffer.from(body),
  ...change,
})

export const check = (
  { query, encrypt }: Sealed,
  change: Partial<CallbackRequest> = {},
): CallbackRequest => ({
  verb: 'GET',
  party: appParty,
  query: { ...query, echostr: encrypt },
  body: Buffer.alloc(0),
  ...change,
})

/** All that an outsider can see of an answer. */
export const outside = ({ status, body, contentType }: CallbackAnswer) => ({ status, body, contentType })
export const forbidden = { status: 403, body: '', contentType: undefined }

export function desk(change: Partial<Sink> = {}, options: Partial<ReceiverOptions> = {}, startS = nowS) {
  const clock = setClock(startS * 1000)
  const told: unknown[][] = []
  const errors: unknown[] = []
  const remembered = new Set<string>()
  const sink: Sink = {
    seen: async (party, hash) => remembered.has(`${party} ${hash}`),
    remember: async (party, hash) => void remembered.add(`${party} ${hash}`),
    jobFinished: async (party, corpId, jobId) => void told.push(['job-finished', party.id, corpId, jobId]),
    suiteTicket: async (party, found) => void told.push(['suite-ticket', party.id, found]),
    media: async (party, corpId, message) => void told.push(['media', party.id, corpId, message]),
    ...change,
  }
  const receive = createReceiver({ sink, clock, onError: error => errors.push(error), ...options })
  return { clock, told, errors, remembered, receive }
}
