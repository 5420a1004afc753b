/** From the fields of an authenticated message to an event. What we do not know is `other`: taken, counted, dropped. */

import { createHash } from 'node:crypto'
import { checkFresh, timeMs } from './fresh.ts'
import { Refused } from './refused.ts'
import type { Fields } from './xml.ts'

/** An image, voice or video that a user sent to the app. */
export interface MediaMessage {
  readonly as: 'media'
  readonly type: 'image' | 'voice' | 'video'
  readonly mediaId: string
  readonly createdAtMs: number
  /** Mostly digits, but not always (facts §8.2). */
  readonly msgId?: string
  readonly agentId?: string
  /** The user who sent it. */
  readonly from?: string
  /** Of a voice: `amr` or `speex`. */
  readonly format?: string
}

export interface SuiteTicket {
  readonly suiteId: string
  readonly ticket: string
  readonly issuedAtMs: number
}

export type CallbackEvent =
  | { readonly as: 'job-finished'; readonly jobId: string; readonly corpId: string }
  | ({ readonly as: 'suite-ticket' } & SuiteTicket)
  | MediaMessage
  /** The name is the platform's, bounded: fit for a log line, not for a metric's label. */
  | { readonly as: 'other'; readonly name: string }

/** Whom the envelope was addressed to. It is trusted; `ToUserName` and `SuiteId` inside are not (facts §8.3). */
export interface Addressee {
  readonly receiveId: string
  readonly isSuite: boolean
}

/**
 * The event in these fields. Commands (InfoType) go to a suite only, messages and events (MsgType) to a corp only.
 * Throws `Refused`: `receiver`, `stale` (over 10 minutes from now), `malformed`.
 */
export function readEvent(fields: Fields, { receiveId, isSuite }: Addressee, nowMs: number): CallbackEvent {
  const command = fields.get('InfoType')
  const message = fields.get('MsgType')
  if (command === undefined && message === undefined) throw new Refused('malformed')
  if ((isSuite ? message : command) !== undefined) throw new Refused('receiver')
  const atMs = timeMs(fields.get(isSuite ? 'TimeStamp' : 'CreateTime'))
  checkFresh(atMs, nowMs)
  return isSuite ? commandEvent(fields, receiveId, atMs) : messageEvent(fields, receiveId, atMs)
}

function commandEvent(fields: Fields, suiteId: string, issuedAtMs: number): CallbackEvent {
  if (fields.get('InfoType') !== 'suite_ticket') return other(fields.get('InfoType'))
  // At most 512 bytes (facts §7.2).
  return { as: 'suite-ticket', suiteId, ticket: visible(fields, 'SuiteTicket', 512), issuedAtMs }
}

const mediaTypes = ['image', 'voice', 'video'] as const

function messageEvent(fields: Fields, corpId: string, createdAtMs: number): CallbackEvent {
  const name = fields.get('MsgType')
  const type = mediaTypes.find(known => known === name)
  if (type !== undefined) return mediaMessage(fields, type, createdAtMs)
  if (name !== 'event') return other(name)
  const event = fields.get('Event')
  if (event !== 'upload_media_job_finish') return other(event)
  return { as: 'job-finished', jobId: visible(fields, 'JobId', 256), corpId }
}

function mediaMessage(fields: Fields, type: MediaMessage['type'], createdAtMs: number): MediaMessage {
  return {
    as: 'media',
    type,
    mediaId: visible(fields, 'MediaId', 256),
    createdAtMs,
    ...optional(fields, 'msgId', 'MsgId'),
    ...optional(fields, 'agentId', 'AgentID'),
    ...optional(fields, 'from', 'FromUserName'),
    ...optional(fields, 'format', 'Format'),
  }
}

/**
 * Names a message for good, to tell repeats apart: its MsgId, or a hash of sender, time and media_id where it has none
 * or an odd one. 1 to 64 letters, digits, `_` and `-`; unique within one corp and app.
 */
export function messageKey({ msgId, from = '', createdAtMs, mediaId }: MediaMessage): string {
  if (msgId !== undefined && /^[\w-]{1,64}$/.test(msgId)) return msgId
  return createHash('sha256')
    .update(JSON.stringify([msgId ?? '', from, createdAtMs, mediaId]))
    .digest('hex')
}

const other = (name = ''): CallbackEvent => ({
  as: 'other',
  name: /^\w{1,40}$/.test(name) ? name : 'unnamed',
})

/** A field of visible ASCII; ids and tickets become keys and query parameters. */
function visible(fields: Fields, name: string, maxLength: number): string {
  const value = fields.get(name) ?? ''
  if (value.length > maxLength || !/^[!-~]+$/.test(value)) throw new Refused('malformed')
  return value
}

const optionalMaxLength = 256

/** Left out when empty or longer than any that the platform knows. */
function optional<K extends string>(fields: Fields, key: K, name: string): { readonly [P in K]?: string } {
  const value = fields.get(name) ?? ''
  if (value === '' || value.length > optionalMaxLength) return {}
  return { [key]: value } as { readonly [P in K]?: string }
}
