/**
 * A beat for the whole fleet: BullMQ's job scheduler makes one small job per interval, and one worker takes it. The
 * scheduler is set up by every worker, which is atomic, and again when it is gone: after a Redis that lost its data. Two
 * beats may overlap, one that takes long and the next one: what they do must bear it.
 */

import { Queue, Worker } from 'bullmq'
import { type Clock, endsWithin, keepDoing } from '../clock.ts'
import type { Connection } from '../redis/connection.ts'

export interface BeatParts {
  readonly redis: Connection
  readonly namespace: string
  /** Of the queue, the scheduler and its jobs. */
  readonly name: string
  readonly everyMs: number
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  readonly clock: Clock
  readonly onBeat: () => Promise<void>
  readonly onError: (error: unknown) => void
}

export interface Beat {
  /** Waits for the beat that runs here, but not for a Redis that is away. */
  stop(): Promise<void>
}

/** Between two looks whether the scheduler is there, ms. */
const lookMs = 60_000
/** Of the end: closing never returns while Redis is away. */
const closingMs = 5_000

export function startBeat(parts: BeatParts): Beat {
  const { redis, namespace, name, lockDurationMs, stalledIntervalMs, clock, onBeat, onError } = parts
  const queue = new Queue(name, {
    connection: redis,
    prefix: namespace,
    streams: { events: { maxLen: 100 } },
  })
  const worker = new Worker(name, () => onBeat(), {
    ...{ connection: redis, prefix: namespace, concurrency: 1 },
    ...{ lockDuration: lockDurationMs, stalledInterval: stalledIntervalMs },
  })
  queue.on('error', onError)
  worker.on('error', onError)
  const over = new AbortController()
  // Looked at again now and then: a Redis that was emptied has lost it.
  const scheduled = () => schedule(queue, name, parts.everyMs, clock.nowMs())
  void keepDoing(scheduled, { clock, everyMs: lookMs, onError }, over.signal)
  return {
    async stop() {
      over.abort()
      const closing = worker.close().then(() => queue.close())
      await endsWithin(closing.catch(onError), closingMs, clock)
    },
  }
}

/** Left alone where it beats: workers that start again and again must not put it off each time. */
async function schedule(queue: Queue, name: string, everyMs: number, nowMs: number): Promise<void> {
  const found = await queue.getJobScheduler(name)
  const beats = found?.every === everyMs && (found.next ?? 0) > nowMs - lookMs - 2 * everyMs
  if (beats) return
  const opts = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 10 } }
  await queue.upsertJobScheduler(name, { every: everyMs }, { name, opts })
}
