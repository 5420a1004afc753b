/** The control API from another process: the methods of `Simulator` by the same names, all answering promises. */

import type { AddedMedium, MediumSpec } from '../add-medium.ts'
import type { FaultSpec, ScriptedFault } from '../faults.ts'
import type { Lockout, LockoutSpec } from '../limits/limits.ts'
import type { LimitChange, LimitSettings } from '../limits/settings.ts'
import type { CallEntry, CallFilter, WaitOptions } from '../log.ts'
import type { App } from '../options.ts'
import type { Peak, PeakQuestion, Rate, RateQuestion } from '../rates.ts'
import type { ClockChange, ClockReading } from '../settable-clock.ts'
import type { Invalidation } from '../simulator.ts'

export interface Control {
  log(filter?: CallFilter): Promise<CallEntry[]>
  count(filter?: CallFilter): Promise<number>
  peak(question: PeakQuestion): Promise<Peak>
  rate(question: RateQuestion): Promise<Rate>
  waitFor(filter: CallFilter, options?: WaitOptions): Promise<CallEntry[]>
  readonly faults: {
    add(spec: FaultSpec): Promise<ScriptedFault>
    list(): Promise<ScriptedFault[]>
    remove(id: string): Promise<void>
    clear(): Promise<void>
  }
  readonly limits: {
    read(): Promise<LimitSettings>
    change(change: LimitChange): Promise<LimitSettings>
    lockOut(spec: LockoutSpec): Promise<void>
    lockouts(): Promise<Lockout[]>
    unblock(): Promise<void>
  }
  /** One held call, or all; answers how many were let go. */
  release(callId?: number): Promise<number>
  readClock(): Promise<ClockReading>
  setClock(change: ClockChange): Promise<ClockReading>
  advance(ms: number): Promise<ClockReading>
  invalidateTokens(which?: Invalidation): Promise<number>
  addApp(app: App): Promise<void>
  addMedia(spec: MediumSpec): Promise<AddedMedium>
  reset(): Promise<void>
}

/** `controlUrl` is `control` of the line that the command prints. Rejects with the API's one line. */
export function createControl(controlUrl: string): Control {
  const ask = async <Answer>(
    verb: string,
    path: string,
    value?: object,
    signal: AbortSignal | null = null,
  ): Promise<Answer> => {
    const body = verb === 'POST' ? JSON.stringify(value ?? {}) : null
    const query = verb === 'POST' ? '' : queryOf(value)
    const response = await fetch(`${controlUrl}/${path}${query}`, { method: verb, body, signal })
    const answer = (await response.json()) as Answer & { readonly error?: string }
    if (!response.ok) throw new Error(answer.error ?? `the simulator's control answered ${response.status}`)
    return answer
  }
  return {
    log: async filter => (await ask<{ calls: CallEntry[] }>('GET', 'log', filter)).calls,
    count: async filter => (await ask<{ count: number }>('GET', 'count', filter)).count,
    peak: question => ask('GET', 'peak', question),
    rate: question => ask('GET', 'rate', question),
    waitFor: async (filter, { count, timeoutMs, signal } = {}) =>
      (await ask<{ calls: CallEntry[] }>('GET', 'wait', { ...filter, count, timeoutMs }, signal)).calls,
    faults: {
      add: spec => ask('POST', 'faults', spec),
      list: async () => (await ask<{ faults: ScriptedFault[] }>('GET', 'faults')).faults,
      remove: id => ask('DELETE', 'faults', { id }),
      clear: () => ask('DELETE', 'faults'),
    },
    limits: {
      read: () => ask('GET', 'limits'),
      change: change => ask('POST', 'limits', change),
      lockOut: spec => ask('POST', 'lockouts', spec),
      lockouts: async () => (await ask<{ lockouts: Lockout[] }>('GET', 'lockouts')).lockouts,
      unblock: () => ask('POST', 'unblock'),
    },
    release: async callId => (await ask<{ released: number }>('POST', 'release', { callId })).released,
    readClock: () => ask('GET', 'clock'),
    setClock: change => ask('POST', 'clock', change),
    advance: advanceMs => ask('POST', 'clock', { advanceMs }),
    invalidateTokens: async which =>
      (await ask<{ invalidated: number }>('POST', 'tokens/invalidate', which)).invalidated,
    addApp: app => ask('POST', 'apps', app),
    addMedia: spec => ask('POST', 'media', spec),
    reset: () => ask('POST', 'reset'),
  }
}

function queryOf(value: object = {}): string {
  const query = new URLSearchParams()
  for (const [name, field] of Object.entries(value)) if (field !== undefined) query.set(name, `${field}`)
  return query.size === 0 ? '' : `?${query}`
}
