/** The control API from another process: the methods of `Simulator` by the same names, all answering promises. */

import type { AddedMedium, MediumSpec } from '../add-medium.ts'
import type { Accounts, App, Tenant } from '../apps.ts'
import type { AsyncJob } from '../async-jobs.ts'
import type { Addressee, CallbackCheck, MessageSpec } from '../callback-events.ts'
import type { CallbackFaultSpec, ScriptedCallbackFault } from '../callback-faults.ts'
import type { Delivery, DeliveryFilter } from '../callback-log.ts'
import type { FaultSpec, ScriptedFault } from '../faults.ts'
import type { Lockout, LockoutSpec } from '../limits/limits.ts'
import type { LimitChange, LimitSettings } from '../limits/settings.ts'
import type { CallEntry, CallFilter, WaitOptions } from '../log.ts'
import type { Peak, PeakQuestion, Rate, RateQuestion } from '../rates.ts'
import type { ClockChange, ClockReading } from '../settable-clock.ts'
import type { Invalidation } from '../tokens.ts'

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
  /** Apps, suites, tenants and providers of any number. */
  addAccounts(accounts: Partial<Accounts>): Promise<void>
  /** Answers whether there was such a tenant. */
  revokeTenant(tenant: Pick<Tenant, 'suiteId' | 'corpId'>): Promise<boolean>
  /** Answers the ticket. */
  issueTicket(suiteId: string): Promise<string>
  addMedia(spec: MediumSpec): Promise<AddedMedium>
  readonly callbackFaults: {
    add(spec: CallbackFaultSpec): Promise<ScriptedCallbackFault>
    list(): Promise<ScriptedCallbackFault[]>
    remove(id: string): Promise<void>
    clear(): Promise<void>
  }
  deliveries(filter?: DeliveryFilter): Promise<Delivery[]>
  waitForDelivery(filter: DeliveryFilter, options?: WaitOptions): Promise<Delivery[]>
  releaseDeliveries(deliveryId?: number): Promise<number>
  verifyCallback(to?: Addressee): Promise<CallbackCheck>
  pushTicket(suiteId: string): Promise<Delivery>
  sendMessage(message: MessageSpec): Promise<Delivery>
  jobs(): Promise<AsyncJob[]>
  finishJobs(jobId?: string): Promise<number>
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
    addAccounts: accounts => ask('POST', 'accounts', accounts),
    revokeTenant: async ({ suiteId, corpId }) =>
      (await ask<{ revoked: boolean }>('POST', 'tenants/revoke', { suiteId, corpId })).revoked,
    issueTicket: async suiteId => (await ask<{ ticket: string }>('POST', 'tickets', { suiteId })).ticket,
    addMedia: spec => ask('POST', 'media', spec),
    callbackFaults: {
      add: spec => ask('POST', 'callback-faults', spec),
      list: async () => (await ask<{ faults: ScriptedCallbackFault[] }>('GET', 'callback-faults')).faults,
      remove: id => ask('DELETE', 'callback-faults', { id }),
      clear: () => ask('DELETE', 'callback-faults'),
    },
    deliveries: async filter =>
      (await ask<{ deliveries: Delivery[] }>('GET', 'callbacks', filter)).deliveries,
    waitForDelivery: async (filter, { count, timeoutMs, signal } = {}) => {
      const question = { ...filter, count, timeoutMs }
      return (await ask<{ deliveries: Delivery[] }>('GET', 'callbacks/wait', question, signal)).deliveries
    },
    releaseDeliveries: async deliveryId =>
      (await ask<{ released: number }>('POST', 'callbacks/release', { deliveryId })).released,
    verifyCallback: ({ corpId, agent, secret, suiteId } = {}) =>
      ask('POST', 'callbacks/verify', { corpId, agent, secret, suiteId }),
    pushTicket: suiteId => ask('POST', 'callbacks/ticket', { suiteId }),
    sendMessage: message => ask('POST', 'callbacks/message', message),
    jobs: async () => (await ask<{ jobs: AsyncJob[] }>('GET', 'jobs')).jobs,
    finishJobs: async jobId => (await ask<{ finished: number }>('POST', 'jobs/finish', { jobId })).finished,
    reset: () => ask('POST', 'reset'),
  }
}

function queryOf(value: object = {}): string {
  const query = new URLSearchParams()
  for (const [name, field] of Object.entries(value)) if (field !== undefined) query.set(name, `${field}`)
  return query.size === 0 ? '' : `?${query}`
}
