/** Waiting for the end of jobs: one subscription for all of them, and a look at the record now and then, since pub/sub may lose messages. */

import { EventEmitter, once } from 'node:events'
import type { Clock } from '../clock.ts'
import type { Connection } from '../redis/connection.ts'

/** A message that was lost costs at most this, ms. */
const lookAgainMs = 2_000

export interface Ends {
  /** Resolves when the job has ended or it is time to look again; rejects with the signal's reason. */
  next(id: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** An id may be called `error`. */
const eventOf = (id: string): string => `job:${id}`

/** `subscriber` is a connection of its own, which is closed with it. */
export async function listenToEnds(subscriber: Connection, channel: string, clock: Clock): Promise<Ends> {
  const ends = new EventEmitter().setMaxListeners(0)
  subscriber.on('message', (_channel: string, message: string) =>
    ends.emit(eventOf(message.slice(0, message.lastIndexOf(' ')))),
  )
  await subscriber.subscribe(channel)
  return {
    async next(id, signal) {
      const done = new AbortController()
      const either = AbortSignal.any([signal, done.signal])
      try {
        await Promise.race([once(ends, eventOf(id), { signal: either }), clock.sleep(lookAgainMs, either)])
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        done.abort()
      }
    },
    async close() {
      subscriber.disconnect()
    },
  }
}
