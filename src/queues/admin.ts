/** The queues as an operator sees them: depth, the state of a job, putting one back, taking one away. */

import { Queue } from 'bullmq'
import type { Connection } from '../redis/connection.ts'
import { addOptions } from './add.ts'
import { type JobName, type Payload, type QueueName, queueNames } from './jobs.ts'

/** BullMQ's states, as its documentation names them. */
export const depthStates = ['active', 'waiting', 'prioritized', 'delayed', 'failed', 'completed'] as const

export interface Depth {
  readonly queue: QueueName
  readonly state: (typeof depthStates)[number]
  readonly jobs: number
}

type AnyPayload = Payload<JobName>

export interface Admin {
  depths(): Promise<readonly Depth[]>
  /** By an operator: no worker takes its jobs. */
  isPaused(queue: QueueName): Promise<boolean>
  /** How many workers of each queue are connected, over all processes. Rejects where Redis hides its clients. */
  workers(): Promise<ReadonlyMap<QueueName, number>>
  /** For the whole fleet; what runs goes on. */
  pause(queue: QueueName): Promise<void>
  resume(queue: QueueName): Promise<void>
  /** BullMQ's ids of the jobs in a state, without their data: `count` of them from the `from`-th, the newest first. */
  ids(queue: QueueName, state: Depth['state'], from: number, count: number): Promise<readonly string[]>
  /** BullMQ's state of the job, or `unknown` when it is in none. */
  stateOf(queue: string, id: string): Promise<string>
  add(queue: string, name: JobName, payload: AnyPayload, id: string): Promise<void>
  /** Remove and add: the only way to revive a job that is in no state (a plain `add` is swallowed). */
  putBack(queue: string, name: JobName, payload: AnyPayload, id: string): Promise<void>
  /** False when the job is running: a locked job can't be removed. */
  remove(queue: string, id: string): Promise<boolean>
  /** Cuts a job's wait short; false when it was not waiting. */
  wake(queue: string, id: string): Promise<boolean>
  returnValue(queue: string, id: string): Promise<unknown>
  close(): Promise<void>
}

/** The connection is the caller's and stays open. */
export function createAdmin(redis: Connection, namespace: string, onError: (error: Error) => void): Admin {
  const queues = new Map<string, Queue>(
    queueNames.map(name => [name, openQueue(redis, namespace, name, onError)]),
  )
  const queue = (name: string): Queue => {
    const found = queues.get(name)
    if (!found) throw new Error(`no queue ${name}`)
    return found
  }
  return {
    depths: async () =>
      (await Promise.all([...queues].map(([name, of]) => depthsOf(name as QueueName, of)))).flat(),
    isPaused: name => queue(name).isPaused(),
    workers: async () =>
      new Map(
        await Promise.all(
          [...queues].map(async ([name, of]) => [name as QueueName, await of.getWorkersCount()] as const),
        ),
      ),
    pause: name => queue(name).pause(),
    resume: name => queue(name).resume(),
    ids: (name, state, from, count) => queue(name).getRanges([state], from, from + count - 1),
    stateOf: (name, id) => queue(name).getJobState(id),
    async add(name, job, payload, id) {
      await queue(name).add(job, payload, addOptions(job, id, payload.urgent))
    },
    async putBack(name, job, payload, id) {
      await queue(name).remove(id)
      await queue(name).add(job, payload, addOptions(job, id, payload.urgent))
    },
    remove: async (name, id) => (await queue(name).remove(id)) === 1,
    async wake(name, id) {
      const job = await queue(name).getJob(id)
      if (!job || !(await job.isDelayed())) return false
      // Woken by somebody else in between: just as well.
      return job.promote().then(
        () => true,
        async error => {
          if (await job.isDelayed()) throw error
          return false
        },
      )
    },
    returnValue: async (name, id) => (await queue(name).getJob(id))?.returnvalue,
    async close() {
      await Promise.all([...queues.values()].map(one => one.close()))
    },
  }
}

function openQueue(redis: Connection, prefix: string, name: string, onError: (error: Error) => void): Queue {
  const queue = new Queue(name, { connection: redis, prefix, streams: { events: { maxLen: 1_000 } } })
  queue.on('error', onError)
  return queue
}

async function depthsOf(name: QueueName, queue: Queue): Promise<Depth[]> {
  const counts = await queue.getJobCounts(...depthStates)
  return depthStates.map(state => ({ queue: name, state, jobs: counts[state] ?? 0 }))
}
