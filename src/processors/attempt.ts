/** One attempt of one job while it runs: its signal, its marks in the record, and why it was interrupted, if it was. */

import { Fault, type Kind } from '../fault.ts'
import type { Records } from '../record/index.ts'
import type { Mark } from '../wecom/index.ts'

/**
 * Why an attempt must stop though nothing is wrong with the job. `shutdown`: hand it back. `lease-lost`: another
 * worker may have it already. `superseded`: another one has. `cancelled`: its record has ended. `expired`: the deadline.
 */
export type Interruption = 'shutdown' | 'lease-lost' | 'superseded' | 'cancelled' | 'expired'

export interface Attempt {
  readonly id: string
  readonly fence: number
  readonly signal: AbortSignal
  readonly interruption: Interruption | undefined
  /** Busy answers of the platform so far, over all attempts. */
  readonly busyTries: number
  interrupt(why: Interruption): void
  readonly mark: Mark
  readonly reads: Mark
  mayPublish(): Promise<void>
}

/** A grant is void after this, ms, by Redis time: the longest way from grant to arrival (DESIGN §6: D). */
const grantLifeMs = 1_000

/** `outside`: BullMQ's own signal. `busyTries`: what the record has counted before. */
export function begin(records: Records, id: string, fence: number, outside?: AbortSignal): Attempt {
  const controller = new AbortController()
  const signal = outside ? AbortSignal.any([controller.signal, outside]) : controller.signal
  let interruption: Interruption | undefined
  let busyTries = 0
  const interrupt = (why: Interruption): void => {
    interruption ??= why
    controller.abort(new Fault('cancelled', `the attempt was interrupted: ${why}`))
  }
  const refuse = (why: Interruption): never => {
    interrupt(why)
    throw controller.signal.reason
  }
  const markFor = (marks: boolean): Mark => ({
    async sent({ atMs }) {
      const grant = atMs === undefined ? {} : { grantAtMs: atMs }
      const answer = await records.sent({ id, fence, grantLifeMs, marks, ...grant })
      if (answer === 'stale')
        throw new Fault('limit', 'the grant was too old when the call was about to leave', { waitMs: 0 })
      if (answer !== 'go') refuse(answer === 'ended' ? 'cancelled' : 'superseded')
    },
    async refused({ kind }) {
      const settled = await records.settle({ id, fence }, { as: 'refused', kind: kind as Kind })
      if (kind === 'busy' && settled.as === 'settled') busyTries = settled.tries
    },
  })
  return {
    id,
    fence,
    signal,
    get interruption() {
      return interruption
    },
    get busyTries() {
      return busyTries
    },
    interrupt,
    mark: markFor(true),
    reads: markFor(false),
    async mayPublish() {
      if (!(await records.holds(id, fence))) refuse('superseded')
    },
  }
}
