/** Waiting for the result of a job: as long as the caller wants, whatever Redis does meanwhile. */

import { type Clock, timerMaxMs } from '../clock.ts'
import { Fault, faultFrom } from '../fault.ts'
import type { JobRecord, Records } from '../record/index.ts'
import type { Connection } from '../redis/connection.ts'
import { type Ends, listenToEnds } from './ends.ts'
import { reachable } from './reachable.ts'

export interface ResultOptions {
  /** Give up waiting after this long, ms; the job goes on. Default: wait for its end. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface Listener {
  ends(): Promise<Ends>
  close(): void
}

/** One subscription, opened at its first use; one that failed is opened anew. */
export function listener(subscribe: () => Connection, channel: string, clock: Clock): Listener {
  let connection: Connection | undefined
  let ends: Promise<Ends> | undefined
  return {
    ends() {
      connection ??= subscribe()
      ends ??= listenToEnds(connection, channel, clock).catch(error => {
        ends = undefined
        throw error
      })
      return ends
    },
    // The connection, not the subscription: while Redis is away that never comes about.
    close: () => connection?.disconnect(),
  }
}

export async function resultOf(
  records: Records,
  listening: () => Promise<Ends>,
  id: string,
  { timeoutMs, signal }: ResultOptions = {},
): Promise<unknown> {
  const settled = new AbortController()
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(Math.min(timeoutMs, timerMaxMs))
  const any = AbortSignal.any([settled.signal, signal, timeout].filter(one => one !== undefined))
  try {
    const ends = await untilAborted(reachable(listening), any)
    return await firstEnd(records, ends, id, any)
  } finally {
    settled.abort()
  }
}

async function firstEnd(records: Records, ends: Ends, id: string, signal: AbortSignal): Promise<unknown> {
  let wasSeen = false
  for (;;) {
    signal.throwIfAborted()
    // Listen before reading: an end between the two must not be missed.
    const ended = ends.next(id, signal)
    ended.catch(() => undefined)
    const record = await look(records, id, wasSeen)
    if (record === undefined) throw unknownJob(id)
    if (record !== 'away') {
      if (record.state === 'done') return record.result
      if (record.fault) throw faultFrom(record.fault)
      wasSeen = true
    }
    await ended
  }
}

/** A short outage of Redis is no end of the wait, once the job is known to exist. */
async function look(records: Records, id: string, wasSeen: boolean): Promise<JobRecord | undefined | 'away'> {
  try {
    return await reachable(() => records.read(id))
  } catch (error) {
    if (wasSeen && error instanceof Fault && error.kind === 'unavailable') return 'away'
    throw error
  }
}

const unknownJob = (id: string): Fault =>
  new Fault('not-found', `no job ${id}: the id is wrong, or the job ended long ago and was forgotten`)

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
