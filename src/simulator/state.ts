/** All that a simulator knows, in one place, so that routes and control see the same. */

import { systemClock } from '../clock.ts'
import { Faults } from './faults.ts'
import { Holds } from './holds.ts'
import { Limits } from './limits/limits.ts'
import { CallLog } from './log.ts'
import { MediaStore } from './media-store.ts'
import type { Settings } from './options.ts'
import { SettableClock } from './settable-clock.ts'
import { Tokens } from './tokens.ts'

export interface State {
  readonly settings: Settings
  readonly clock: SettableClock
  readonly tokens: Tokens
  readonly media: MediaStore
  readonly faults: Faults
  readonly holds: Holds
  readonly limits: Limits
  readonly log: CallLog
}

export function createState(settings: Settings, methods: readonly string[]): State {
  const clock = new SettableClock(systemClock, settings.startMs, settings.frozen)
  return {
    settings,
    clock,
    tokens: new Tokens(settings, clock),
    media: new MediaStore(clock),
    faults: new Faults(methods),
    holds: new Holds(),
    limits: new Limits(clock, settings.limits, methods),
    log: new CallLog(),
  }
}
