/** The records of one deployment: the commit points of a job, bound to one Redis and one namespace. */

import type { Connection } from '../redis/connection.ts'
import { type Accepted, accept } from './accept.ts'
import { type Brief, brief } from './brief.ts'
import { type Claim, claim, type Holder } from './claim.ts'
import type { KeptWrite } from './kept-lua.ts'
import { endedChannel, lockKey, recordKey } from './keys.ts'
import { type Follower, followersIn, freeLua, type LedgerWrite } from './ledger-lua.ts'
import { type Opened, open, type Request } from './open.ts'
import { dueToTell, told } from './owed.ts'
import { type Due, dueForLook, forgetOpen, isEnd, type JobRecord, read } from './read.ts'
import {
  holds,
  type Marking,
  marking,
  progress,
  type Running,
  type Sent,
  type Speaking,
  sent,
} from './sent.ts'
import { type Settled, type Settlement, settle } from './settle.ts'
import { type Heard, heard, isWoken, type Keeping, type KeepOptions, keep, type Step } from './step.ts'

export type { State } from './read.ts'
export type {
  Accepted,
  Brief,
  Claim,
  Follower,
  Heard,
  JobRecord,
  Keeping,
  KeepOptions,
  KeptWrite,
  LedgerWrite,
  Marking,
  Opened,
  Request,
  Running,
  Sent,
  Settled,
  Settlement,
  Speaking,
  Step,
}
export { endedChannel, followersIn, freeLua, isEnd }

export interface Records {
  open(request: Request): Promise<Opened>
  claim(request: Request, holder: Holder): Promise<Claim>
  sent(speaking: Speaking): Promise<Sent>
  /** `sent` for a script of somebody else's; it may answer the words of `Sent`. */
  marking(attempt: Running, marks: boolean): Marking
  holds(id: string, fence: number): Promise<boolean>
  progress(attempt: Running, json: string): Promise<void>
  settle(job: { readonly id: string; readonly fence?: number }, settlement: Settlement): Promise<Settled>
  keep(attempt: Running, name: string, value: unknown, options?: KeepOptions): Promise<Keeping>
  heard(alias: string): Promise<Heard | undefined>
  isWoken(id: string): Promise<boolean>
  accept(id: string, result: unknown, write?: LedgerWrite, kept?: KeptWrite): Promise<Accepted>
  /** A job as keys of Redis, from which it can be told whether it is still at work. */
  keysOf(id: string, bull: Follower): { readonly recordKey: string; readonly lockKey: string }
  read(id: string): Promise<JobRecord | undefined>
  /** What a line about the job needs, without payload, steps and result. */
  brief(id: string): Promise<Brief | undefined>
  dueForLook(limit: number, againMs: number): Promise<Due>
  forgetOpen(id: string): Promise<unknown>
  dueToTell(limit: number, againMs: number): Promise<Due>
  told(id: string, end?: number): Promise<void>
}

/** `onOwed` hears of each end that is written here and that somebody is to be told of. */
export const createRecords = (
  redis: Connection,
  namespace: string,
  onOwed: (id: string) => void = () => undefined,
): Records => ({
  open: request => open(redis, namespace, request),
  claim: (request, holder) => claim(redis, namespace, request, holder),
  sent: speaking => sent(redis, namespace, speaking),
  marking: (attempt, marks) => marking(namespace, attempt, marks),
  holds: (id, fence) => holds(redis, namespace, id, fence),
  progress: (attempt, json) => progress(redis, namespace, attempt, json),
  async settle(job, settlement) {
    const settled = await settle(redis, namespace, job, settlement)
    if (settled.as === 'settled' && settled.owed) onOwed(job.id)
    return settled
  },
  keep: (attempt, name, value, options) => keep(redis, namespace, attempt, name, value, options),
  heard: alias => heard(redis, namespace, alias),
  isWoken: id => isWoken(redis, namespace, id),
  async accept(id, result, write, kept) {
    const accepted = await accept(redis, namespace, id, result, write, kept)
    if (accepted.as === 'accepted' && accepted.owed) onOwed(id)
    return accepted
  },
  keysOf: (id, { queue, jobId }) => ({
    recordKey: recordKey(namespace, id),
    lockKey: lockKey(namespace, queue, jobId),
  }),
  read: id => read(redis, namespace, id),
  brief: id => brief(redis, namespace, id),
  dueForLook: (limit, againMs) => dueForLook(redis, namespace, limit, againMs),
  forgetOpen: id => forgetOpen(redis, namespace, id),
  dueToTell: (limit, againMs) => dueToTell(redis, namespace, limit, againMs),
  told: (id, end) => told(redis, namespace, id, end),
})
