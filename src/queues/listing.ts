/** Jobs by the state that BullMQ has them in, page by page: a backlog of any length costs no more memory than its ids. */

import type { Kind } from '../fault.ts'
import type { Brief, Records } from '../record/index.ts'
import type { Admin, Depth } from './admin.ts'
import { recordId } from './identity.ts'
import type { QueueName } from './jobs.ts'

/** State as people name it -> BullMQ's: jobs have priorities, so what waits stands in two places. */
const bullStates = {
  active: ['active'],
  failed: ['failed'],
  delayed: ['delayed'],
  waiting: ['waiting', 'prioritized'],
  completed: ['completed'],
} as const satisfies Record<string, readonly Depth['state'][]>

export type ListState = keyof typeof bullStates
export const listStates = Object.keys(bullStates) as ListState[]

/** Of a job of a foreign producer that no worker has begun only id, queue and place are known: it has no record yet. */
export interface Listed extends Partial<Omit<Brief, 'id' | 'queue'>> {
  readonly id: string
  readonly queue: QueueName
  /** Where BullMQ has it. */
  readonly place: ListState
}

export interface Wanted {
  readonly queues: readonly QueueName[]
  readonly states: readonly ListState[]
  readonly kind?: Kind | undefined
  readonly errcode?: number | undefined
  /** Ended, or asked for, at this time or later, ms. */
  readonly sinceMs?: number | undefined
}

export interface ListParts {
  readonly records: Pick<Records, 'brief'>
  readonly admin: Pick<Admin, 'ids'>
}

/** The newest of each state and queue first. Each job once, though jobs go from state to state meanwhile. */
export async function* listJobs(parts: ListParts, wanted: Wanted): AsyncGenerator<Listed> {
  const seen = new Set<string>()
  for (const place of wanted.states) {
    for (const state of bullStates[place]) {
      for (const queue of wanted.queues) {
        for await (const page of pagesOf(parts, { place, state, queue, wanted })) {
          const fresh = page.filter(({ id }) => !seen.has(id))
          for (const { id } of fresh) seen.add(id)
          yield* fresh.filter(job => isWanted(job, wanted))
        }
      }
    }
  }
}

const perPage = 200

interface Place {
  readonly place: ListState
  readonly state: Depth['state']
  readonly queue: QueueName
  readonly wanted: Wanted
}

async function* pagesOf(
  { records, admin }: ListParts,
  { place, state, queue, wanted: { sinceMs = 0 } }: Place,
): AsyncGenerator<readonly Listed[]> {
  for (let from = 0; ; from += perPage) {
    const ids = await admin.ids(queue, state, from, perPage)
    const page = await Promise.all(
      ids.map(async bullId => {
        const id = recordId(queue, bullId)
        return { ...(await records.brief(id)), id, queue, place }
      }),
    )
    yield page
    // Ended jobs come by the time of their end.
    const isPast = (place === 'failed' || place === 'completed') && page.every(job => timeOf(job) < sinceMs)
    if (ids.length < perPage || isPast) return
  }
}

const timeOf = ({ endedAtMs, createdAtMs = 0 }: Listed): number => endedAtMs ?? createdAtMs

const isWanted = (job: Listed, { kind, errcode, sinceMs = 0 }: Wanted): boolean =>
  (kind === undefined || job.fault?.kind === kind) &&
  (errcode === undefined || job.fault?.errcode === errcode) &&
  timeOf(job) >= sinceMs
