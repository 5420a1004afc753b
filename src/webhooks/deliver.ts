/** One delivery: signed, sent once, and judged by the status alone. Everything that could be better tomorrow is tried again. */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { Posted, Web } from '../files/http.ts'
import type { JobRecord } from '../record/index.ts'
import { messageOf } from './message.ts'
import { gapAfter } from './schedule.ts'
import { signedHeaders } from './signature.ts'
import type { Sites } from './sites.ts'

export interface Delivery {
  /** Of the job's end: constant over all attempts. */
  readonly id: string
  /** Of the job that has ended. */
  readonly record: JobRecord
  readonly app: string
  /** Attempts that were spent before this one. */
  readonly attemptsMade: number
  readonly isLast: boolean
  readonly signal: AbortSignal
}

/**
 * `refused`: by our own settings. `gone`: the receiver wants no more. `failed`: the last attempt. Label of a metric.
 */
export type DeliveryOutcome = 'delivered' | 'retry' | 'failed' | 'gone' | 'refused'

export interface DelivererParts {
  /** Within the policy of webhooks. */
  readonly web: Pick<Web, 'post'>
  readonly sites: Sites
  readonly isOn: boolean
  /** The first is the newest; each signs. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  readonly random: () => number
  readonly onDelivery?: (outcome: DeliveryOutcome, ms: number) => void
}

/**
 * Sends it. Faults: `config` (webhooks are off, or there is no secret), `forbidden-address`, `invalid`, `rejected` (HTTP
 * 410), `limit` (too many at once to one receiver), `transient` with the gap of the schedule for everything else, and
 * the signal's reason.
 */
export type Deliver = (delivery: Delivery) => Promise<Pick<Posted, 'status'>>

export const createDeliverer =
  (parts: DelivererParts): Deliver =>
  async delivery => {
    const startedMs = parts.clock.monotonicMs()
    const tell = (outcome: DeliveryOutcome): void =>
      parts.onDelivery?.(outcome, parts.clock.monotonicMs() - startedMs)
    try {
      const missing = missingFor(parts)
      if (missing !== undefined) throw new Fault('config', missing)
      const { record, isLast } = delivery
      const url = record.webhook ?? ''
      const posted = await parts.sites.visit(url, isLast, () => send(parts, delivery)).catch(mendable)
      judge(posted)
      tell('delivered')
      return { status: posted.status }
    } catch (error) {
      delivery.signal.throwIfAborted()
      const fault = later(error, delivery, parts.random)
      if (fault.kind !== 'limit') tell(outcomeOf(fault, delivery))
      throw fault
    }
  }

/** What an operator has to do before any webhook can be sent; undefined when nothing. */
export function missingFor({ isOn, secrets }: Pick<DelivererParts, 'isOn' | 'secrets'>): string | undefined {
  if (!isOn) return 'webhooks are off: set WECOM_MEDIA_WEBHOOK_HOSTS to the hosts that may be told'
  if (secrets.length === 0) return 'webhooks need a secret that signs them: set WECOM_MEDIA_WEBHOOK_SECRET'
  return undefined
}

function send({ web, secrets, clock }: DelivererParts, { id, record, app, signal }: Delivery) {
  const body = messageOf(record, app)
  const timestampS = Math.floor(clock.nowMs() / 1_000)
  const headers = { 'content-type': 'application/json', ...signedHeaders(secrets, { id, timestampS, body }) }
  return web.post({ url: record.webhook ?? '', headers, body, signal })
}

/** Throws what an answer means that is no success. */
function judge({ site, status, waitMs }: Posted): void {
  if (status >= 200 && status < 300) return
  const what = `the webhook at ${site} answers with HTTP ${status}`
  if (status === 410)
    throw new Fault('rejected', `${what}: it wants no more messages, leave it out of new jobs`)
  const moved = status >= 300 && status < 400 ? ', and redirects are not followed: name the final URL' : ''
  throw new Fault('transient', `${what}${moved}`, waitMs === undefined ? {} : { waitMs })
}

/** A certificate that is refused today may be renewed tomorrow. */
function mendable(error: unknown): never {
  if (!(error instanceof Fault) || error.kind !== 'rejected') throw error
  throw new Fault('transient', error.message, { cause: error })
}

/** What can't get better by itself stays as it is; the rest is another attempt, when its time has come. */
function later(error: unknown, { attemptsMade }: Delivery, random: () => number): Fault {
  if (!(error instanceof Fault)) throw error
  if (error.kind !== 'transient') return error
  const waitMs = gapAfter(attemptsMade, error.waitMs ?? 0, random)
  return new Fault('transient', error.message, { waitMs, cause: error })
}

function outcomeOf({ kind }: Fault, { isLast }: Delivery): DeliveryOutcome {
  if (kind === 'transient') return isLast ? 'failed' : 'retry'
  return kind === 'rejected' ? 'gone' : 'refused'
}
