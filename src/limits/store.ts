/**
 * Where the limits are kept, and by which numbers: the same for every call of a process.
 *
 * A Redis without its memory. Whoever has seen this Redis before notices that its birth is another one. Then every
 * method is closed for its shortest window (60 s: also the platform's shortest block, since penalties are forgotten
 * too), counted from the new birth, and its buckets start empty at that birth: whatever was spent before, no window gets
 * too much (spacing.ts).
 *
 * A process that starts together with an empty Redis cannot know whether it is new or has forgotten, and takes it for
 * new: otherwise every first start would begin with a minute of silence, and a Redis that forgot the limits forgot the
 * queues with them, so nobody waits there to spend anything. Buckets with a small burst start empty even then, since it
 * costs 12 ms a call; so the minute's promise holds without knowing anything, the hour's (its burst is a third) does
 * not. Where that is not enough (a backlog of one's own beside BullMQ), `assumeSpent` treats a Redis that nobody here
 * has seen like one that forgot. Units of a quota are guarded by nothing of this: what was spent today is known nowhere
 * else, so a Redis without persistence is not for permanent images.
 */

import type { Connection } from '../redis/connection.ts'
import type { Rules } from './rules-in-force.ts'
import { defaultTuning, type Tuning } from './tuning.ts'

export interface Store {
  readonly redis: Connection
  /** Before every key; one hash tag: `{wecom-media}:p…`. */
  readonly namespace: string
  readonly rules: Rules
  readonly tuning: Tuning
  /** Names the address that the platform sees; workers behind the same one share its limits. */
  readonly egress: string
  /** Start closed on a Redis that nobody here has seen before. */
  readonly assumeSpent: boolean
  /** Only tests set it: microseconds, instead of the time of Redis. */
  readonly nowUs?: () => number
}

export interface StoreOptions extends Pick<Store, 'redis' | 'namespace' | 'rules' | 'nowUs'> {
  readonly tuning?: Partial<Tuning>
  /** Default `default`. */
  readonly egress?: string
  /** Default false. */
  readonly assumeSpent?: boolean
}

export const createStore = ({
  tuning,
  egress = 'default',
  assumeSpent = false,
  ...store
}: StoreOptions): Store => ({
  ...store,
  tuning: { ...defaultTuning, ...tuning },
  egress,
  assumeSpent,
})
