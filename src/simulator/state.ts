/** All that a simulator knows, in one place, so that routes and control see the same. */

import { systemClock } from '../clock.ts'
import { AsyncJobs } from './async-jobs.ts'
import { tellJobFinished } from './callback-events.ts'
import { CallbackSender } from './callback-sender.ts'
import { Directory } from './directory.ts'
import { Faults } from './faults.ts'
import { Holds } from './holds.ts'
import { Limits } from './limits/limits.ts'
import { CallLog } from './log.ts'
import { MediaStore } from './media-store.ts'
import type { Settings } from './options.ts'
import { SettableClock } from './settable-clock.ts'
import { Tickets } from './tickets.ts'
import { Tokens } from './tokens.ts'

export interface State {
  readonly settings: Settings
  readonly clock: SettableClock
  readonly directory: Directory
  readonly tickets: Tickets
  readonly tokens: Tokens
  readonly media: MediaStore
  readonly faults: Faults
  readonly holds: Holds
  readonly limits: Limits
  readonly log: CallLog
  readonly callbacks: CallbackSender
  readonly jobs: AsyncJobs
}

export function createState(settings: Settings, methods: readonly string[]): State {
  const clock = new SettableClock(systemClock, settings.startMs, settings.frozen)
  const directory = new Directory(settings)
  const media = new MediaStore(clock)
  const callbacks = new CallbackSender(settings.switches, clock)
  return {
    settings,
    clock,
    directory,
    tickets: new Tickets(directory, clock),
    tokens: new Tokens(settings, directory, clock),
    media,
    faults: new Faults(methods),
    holds: new Holds(),
    limits: new Limits(clock, settings.limits, methods),
    log: new CallLog(),
    callbacks,
    jobs: new AsyncJobs({
      switches: settings.switches,
      clock,
      media,
      onFinish: (grantee, jobId) => tellJobFinished({ directory, clock, callbacks }, grantee, jobId),
    }),
  }
}

/** Ends what goes on by itself: first the jobs, since an end of theirs is told by callback. */
export async function abortAll({ jobs, callbacks }: State): Promise<void> {
  await jobs.abort()
  await callbacks.abort()
}

/** Back to the start: no media, tokens, tickets, faults, calls, jobs, callbacks; the clock, the apps and the limits as at the start. */
export async function resetState(state: State): Promise<void> {
  await abortAll(state)
  state.callbacks.clear()
  state.faults.clear()
  state.limits.reset()
  state.directory.reset()
  state.tickets.clear()
  state.tokens.clear()
  state.clock.reset()
  await state.media.clear()
  state.log.clear()
}
