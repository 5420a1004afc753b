/**
 * The one entry for the platform's callbacks; knows neither HTTP nor Redis. It stores and wakes, and never works: an
 * answer of 200 says *written down*, anything else makes the platform send again.
 */

import type { Clock } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Delivery, readRequest } from './read.ts'
import { type RefusalReason, Refused } from './refused.ts'
import type { CallbackAnswer, CallbackRequest, Sink } from './seams.ts'

export interface ReceiverOptions {
  readonly sink: Sink
  readonly clock: Clock
  /** How long the sink may take, ms; default 3000. The platform cuts the connection after 5 s (facts §8.2). */
  readonly deadlineMs?: number
  /** Hears why an answer was `failed`, also when the sink fails after the deadline. Must not throw. */
  readonly onError?: (error: unknown) => void
}

export type Receiver = (request: CallbackRequest) => Promise<CallbackAnswer>

type Settings = Required<ReceiverOptions>

/** Answers callbacks: never throws, never takes longer than the deadline, gives one answer to all that is refused. */
export function createReceiver({
  sink,
  clock,
  deadlineMs = 3000,
  onError = () => {},
}: ReceiverOptions): Receiver {
  const settings = { sink, clock, deadlineMs, onError }
  return async request => {
    try {
      const read = readRequest(request, clock.nowMs())
      if ('echo' in read) return { ...text(read.echo), event: 'verify', outcome: 'accepted' }
      return await deliver(read, settings)
    } catch (error) {
      const event = request.verb === 'GET' ? 'verify' : 'none'
      if (error instanceof Refused) return refusal(event, error.reason)
      onError(error)
      return { ...failed, event }
    }
  }
}

const text = (body: string) => ({ status: 200, body, contentType: 'text/plain; charset=utf-8' })

/** Data callbacks may be answered with nothing (facts §8.2). */
const empty = { status: 200, body: '' }
/** Commands must be answered with this word (facts §8.2). */
const success = text('success')

const failed = { status: 500, body: '', outcome: 'failed' } as const

/** What anybody can see without a key may say so; the rest is all one answer, so that nothing can be tried out. */
const statuses: Partial<Record<RefusalReason, number>> = { method: 405, 'unknown-party': 404, 'too-big': 413 }

const refusal = (event: 'verify' | 'none', reason: RefusalReason): CallbackAnswer => ({
  status: statuses[reason] ?? 403,
  body: '',
  event,
  outcome: 'refused',
  reason,
})

async function deliver(delivery: Delivery, settings: Settings): Promise<CallbackAnswer> {
  const { event, isSuite } = delivery
  const reply = isSuite ? success : empty
  // Nothing is done about it, so a repeat does no harm and Redis need not be asked.
  if (event.as === 'other') return { ...reply, event: 'other', outcome: 'accepted', name: event.name }
  try {
    const outcome = await withinDeadline(handle(delivery, settings.sink), settings)
    return { ...reply, event: event.as, outcome }
  } catch {
    return { ...failed, event: event.as }
  }
}

/** Remembered only once it is stored: a callback that was lost on the way is done again when it is repeated. */
async function handle(delivery: Delivery, sink: Sink): Promise<'accepted' | 'replayed'> {
  const { party, hash } = delivery
  if (await sink.seen(party.id, hash)) return 'replayed'
  await store(delivery, sink)
  await sink.remember(party.id, hash)
  return 'accepted'
}

async function store({ party, event, receiveId }: Delivery, sink: Sink): Promise<void> {
  if (event.as === 'job-finished') return await sink.jobFinished(party, event.corpId, event.jobId)
  if (event.as === 'media') return await sink.media(party, receiveId, event)
  if (event.as !== 'suite-ticket') return
  const { suiteId, ticket, issuedAtMs } = event
  await sink.suiteTicket(party, { suiteId, ticket, issuedAtMs })
}

/** Work that is late goes on: when it ends well, the platform's repeat finds it done. */
async function withinDeadline<T>(work: Promise<T>, { clock, deadlineMs, onError }: Settings): Promise<T> {
  work.catch(onError)
  const over = new AbortController()
  const deadline = clock.sleep(deadlineMs, over.signal).then(() => {
    const late = new Fault('transient', `a callback was not stored within ${deadlineMs} ms: is Redis slow?`)
    onError(late)
    throw late
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    over.abort()
  }
}
