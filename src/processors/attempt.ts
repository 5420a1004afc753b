/** One attempt of one job while it runs: its signal, its marks in the record, and why it was interrupted, if it was. */

import type { Clock } from '../clock.ts'
import { Fault, type Kind } from '../fault.ts'
import type { Follower, Records, Running, Step } from '../record/index.ts'
import type { Mark } from '../wecom/index.ts'
import type { JobContext } from './context.ts'

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
  /** An earlier attempt began to speak and never said how it ended. */
  readonly wasUnknown: boolean
  /** What the gate gave when the job began to wait. */
  readonly booking: unknown
  /** Calls so far that the platform has counted, or may have. */
  readonly units: number
  /** A call of this attempt has begun and its outcome is not known. */
  readonly isSpeaking: boolean
  /** Busy answers of the platform so far, over all attempts. */
  readonly busyTries: number
  interrupt(why: Interruption): void
  readonly mark: Mark
  readonly reads: Mark
  mayPublish(): Promise<void>
  readonly steps: ReadonlyMap<string, Step>
  readonly openedAtMs: number
  readonly heardAtMs: number
  /** By Redis, as far as this process can tell without asking, ms. */
  nowMs(): number
  remainingMs(): number
  keep: JobContext['keep']
  wake: JobContext['wake']
}

/** What a claim says of the attempts before. */
interface Before {
  readonly fence: number
  readonly unknown: boolean
  readonly units: number
  readonly booking: unknown
  readonly steps: ReadonlyMap<string, Step>
  readonly openedAtMs: number
  readonly heardAtMs: number
  readonly nowMs: number
  readonly remainingMs: number
}

export interface AttemptParts {
  readonly records: Records
  readonly clock: Clock
  /** Cuts the wait of other jobs short. Never rejects. */
  readonly wake: (jobs: readonly Follower[]) => void
  /** Repeats a write to the record while Redis refuses writes. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>
}

/** `outside`: BullMQ's own signal. */
export function begin(parts: AttemptParts, id: string, before: Before, outside?: AbortSignal): Attempt {
  const { records, clock } = parts
  const { fence } = before
  const startedMs = clock.monotonicMs()
  const controller = new AbortController()
  const { signal } = controller
  const interrupt = (why: Interruption): void => {
    state.interruption ??= why
    // A kind that ends a job throws away what it has on disk; the others leave it to the next attempt.
    const kind = why === 'cancelled' || why === 'expired' ? why : 'transient'
    controller.abort(new Fault(kind, `the attempt was interrupted: ${why}`))
  }
  // `AbortSignal.any` would do the same for ten times the price, with each job.
  const follow = (): void => controller.abort(outside?.reason)
  if (outside?.aborted) follow()
  else outside?.addEventListener('abort', follow, { once: true })
  const refuse = (why: Interruption): never => {
    interrupt(why)
    throw controller.signal.reason
  }
  const state: State = { units: before.units, isSpeaking: false, busyTries: 0, interruption: undefined }
  return Object.assign(state, {
    ...{ id, fence, signal, interrupt, wasUnknown: before.unknown, booking: before.booking },
    mark: markFor(records, { id, fence }, true, state, refuse),
    reads: markFor(records, { id, fence }, false, state, refuse),
    async mayPublish() {
      if (!(await records.holds(id, fence))) refuse('superseded')
    },
    steps: before.steps,
    openedAtMs: before.openedAtMs,
    heardAtMs: before.heardAtMs,
    nowMs: () => before.nowMs + clock.monotonicMs() - startedMs,
    remainingMs: () => before.remainingMs - (clock.monotonicMs() - startedMs),
    keep: keeper(parts, { id, fence }, state, refuse),
    wake: parts.wake,
  })
}

/** What changes while an attempt runs. */
interface State {
  units: number
  isSpeaking: boolean
  busyTries: number
  interruption: Interruption | undefined
}

type Refuse = (why: Interruption) => never

function keeper(
  { records, persist, wake }: AttemptParts,
  running: Running,
  state: State,
  refuse: Refuse,
): JobContext['keep'] {
  return async (name, value, options) => {
    const kept = await persist(() => records.keep(running, name, value, options))
    if (kept.as !== 'kept') return refuse(kept.as === 'ended' ? 'cancelled' : 'superseded')
    state.units = kept.units
    state.isSpeaking = false
    wake(kept.followers)
    return kept
  }
}

function markFor(records: Records, running: Running, marks: boolean, state: State, refuse: Refuse): Mark {
  const heard = (word: string): void => {
    if (word !== 'go') refuse(word === 'ended' ? 'cancelled' : 'superseded')
    state.isSpeaking = marks
  }
  return {
    async sent({ atMs, lifeMs = 0 }) {
      const grant = atMs === undefined ? {} : { grantAtMs: atMs }
      const answer = await records.sent({ ...running, grantLifeMs: lifeMs, marks, ...grant })
      if (answer === 'stale') {
        throw new Fault('limit', 'the grant was too old when the call was about to leave', { waitMs: 0 })
      }
      heard(answer)
    },
    along: { ...records.marking(running, marks), heard },
    async refused({ kind, errcode }) {
      const spent = errcode !== undefined && !uncounted.has(kind)
      const settled = await records.settle(running, { as: 'refused', kind, spent })
      state.isSpeaking = false
      state.units = settled.as === 'settled' ? settled.units : state.units + (spent ? 1 : 0)
      if (kind === 'busy' && settled.as === 'settled') state.busyTries = settled.tries
    },
  }
}

/** Refusals at the door: the platform has not looked at the body, and counts nothing. */
const uncounted: ReadonlySet<Kind> = new Set(['token', 'limit', 'unavailable', 'config'])

/** The gate may move the job to its own grant: the record keeps the booking for the attempt that wakes then. */
export function contextOf(
  attempt: Attempt,
  {
    urgent,
    ...given
  }: Pick<JobContext, 'claimant' | 'progress' | 'attemptsMade'> & { readonly urgent: boolean },
): JobContext {
  const { id, signal, mark, reads, booking, mayPublish, steps, keep, wake } = attempt
  const options = { signal, keepsBookings: true, booking, urgent, job: id }
  return {
    id,
    signal,
    writing: { ...options, mark },
    reading: { ...options, mark: reads },
    attempt,
    mayPublish,
    ...given,
    steps,
    keep,
    wake,
  }
}
