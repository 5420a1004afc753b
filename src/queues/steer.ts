/** A person steers a single job by hand: run it again, or take it away. The record goes first, BullMQ follows. */

import { Fault } from '../fault.ts'
import type { JobRecord, Records } from '../record/index.ts'
import type { Admin } from './admin.ts'
import { askAgain } from './again.ts'
import { recordId } from './identity.ts'
import { fingerprintOf } from './parse.ts'

/** A job as BullMQ has it. */
export interface Steered {
  readonly id?: string | undefined
  readonly name: string
  readonly queueName: string
  readonly data: unknown
  getState(): Promise<string>
}

export interface Steering {
  recordIdOf(queue: string, bullId: string): string
  /** `bare`: what BullMQ does, for a job whose record is long gone. Rejects with `conflict` when it can't run again. */
  retry(job: Steered, bare: () => Promise<unknown>): Promise<void>
  /** A job that has not ended is cancelled; one that runs is cut, and stays to show it. */
  remove(job: Steered, bare: () => Promise<unknown>): Promise<void>
}

export const steering = (records: Records, admin: Admin): Steering => {
  const recordOf = (job: Steered) => records.read(recordId(job.queueName, job.id ?? ''))
  return {
    recordIdOf: recordId,
    async retry(job, bare) {
      const record = await recordOf(job)
      if (!record) return void (await bare())
      if (!isOf(record, job)) throw new Fault('conflict', strange)
      const again = await askAgain(records, admin, record.id)
      if (again === 'unknown')
        throw new Fault('conflict', 'no job of this name, or not with this payload: queue it anew')
      if (again === 'not-failed')
        throw new Fault('conflict', `the record says ${record.state}: only what has failed runs again`)
    },
    async remove(job, bare) {
      const record = await recordOf(job)
      const fault = new Fault('cancelled', 'removed by an operator').report()
      const isOurs = record !== undefined && isOf(record, job)
      const settled = isOurs && (await records.settle({ id: record.id }, { as: 'cancelled', fault }))
      try {
        await bare()
      } catch (error) {
        // A running job is locked: its worker has heard of the cancel and ends it now.
        if (!settled || settled.as !== 'settled' || (await job.getState()) !== 'active') throw error
      }
    },
  }
}

const strange = 'the record of this id belongs to another request: queue this one anew, with an id of its own'

const isOf = ({ fingerprint }: JobRecord, { name, data }: Steered): boolean =>
  fingerprint === fingerprintOf(name, JSON.stringify(data) ?? 'null')
