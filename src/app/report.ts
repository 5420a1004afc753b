/** What workers report, to logs and metrics at once, so that the two never tell different stories. */

import type { CallbackAnswer } from '../callback/index.ts'
import type { ApiAnswer } from '../http/api.ts'
import type { OnLimitEvent, PairState } from '../limits/index.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { observeApi, observeCall, observeCallback, observeEnd, observeLimit } from '../metrics/observe.ts'
import type { StandingFacts } from '../metrics/show.ts'
import type { WorkerHooks } from '../processors/worker.ts'
import { isJobName, jobs } from '../queues/jobs.ts'
import type { Repair } from '../queues/reconcile.ts'
import type { JobRecord } from '../record/index.ts'
import type { CallEvent } from '../wecom/index.ts'
import type { Heard } from './heard.ts'

export const hooksFor = (log: Logger, metrics: Metrics, corpOf: CorpOf): WorkerHooks => ({
  onEnd(report) {
    observeEnd(metrics, report, queueOf(report.name))
    const { id, name, app, outcome, kind, errcode, message, ms } = report
    const who = { job: id, name, app, corp: app && corpOf(app) }
    // A closed app waits for an operator.
    const isLoud =
      outcome === 'failed' || outcome === 'lease-lost' || (outcome === 'wait' && kind === 'unavailable')
    const level = isLoud ? 'warn' : 'info'
    log[level]({ ...who, outcome, kind, errcode, why: message, ms: Math.round(ms) }, 'job')
  },
  onStalled(queue, id) {
    metrics.wecom_media_jobs_stalled_total.inc({ queue })
    log.warn({ job: id, queue }, 'taken from a dead worker')
  },
  onWorkerDied(queue, id, name) {
    observeEnd(metrics, { name, outcome: 'failed', kind: 'worker-died' }, queueOf(name))
    log.error({ job: id, queue }, 'given up: its workers died')
  },
  onGate(queue, state, error) {
    metrics.wecom_media_gate_closed.set({ queue }, state === 'closed' ? 1 : 0)
    log.warn({ queue, error }, `redis takes ${state === 'closed' ? 'no' : 'our'} writes`)
  },
  onError(queue, error) {
    metrics.wecom_media_redis_errors_total.inc({ connection: queue })
    log.debug({ queue, error }, 'worker')
  },
})

/** A company by the configured id of its app. */
export type CorpOf = (app: string) => string | undefined

/** Each exchange with the platform. One with a code that our table lacks is news; the others are for whoever asks. */
export const callHook =
  (log: Logger, metrics: Metrics) =>
  (event: CallEvent): void => {
    observeCall(metrics, event)
    const { unknownCode, retried, ...facts } = event
    const level = unknownCode ? 'warn' : 'debug'
    if (log.isLevelEnabled(level))
      log[level]({ ...facts, ...(retried && { retried }), ms: Math.round(facts.ms) }, 'call')
  }

const queueOf = (name: string): string | undefined => (isJobName(name) ? jobs[name].queue : undefined)

/** What an operator reads of a limit's event; the figures stand beside it. */
const sentences = {
  penalty: 'closed for a while: the platform says that it was called too often (45009)',
  concurrency: 'fewer calls at once: the platform says that there were too many (45033)',
  'memory-lost': 'closed for a window: Redis has lost its memory, and with it what was spent',
  'not-recorded': 'what the platform said of its limits could not be written down',
  quota: 'the quota is used up: jobs wait for its next period',
  'quota-blocked': 'the platform refused although there was quota: closed until its day ends',
} as const

/** What the limits tell: all of it is counted, what an operator must know is logged. */
export const limitHook =
  (log: Logger, metrics: Metrics): OnLimitEvent =>
  event => {
    if (event.as === 'grant' || event.as === 'wait' || event.as === 'void')
      return observeLimit(metrics, event)
    if (event.as === 'unit') return
    observeLimit(metrics, event)
    log.warn(event, sentences[event.as])
  }

/** How companies stand now, as metrics count it. */
export const standingsOf = (states: readonly PairState[]): StandingFacts[] =>
  states.map(({ corp, method, nowMs, penalty, forgotUntilMs = 0, quota, ...state }) => ({
    ...{ corp, method, rateShare: state.rateShare, inLine: state.inLine },
    bookedAhead: Math.max(0, ...state.buckets.map(({ bookedAhead }) => bookedAhead)),
    underWay: state.concurrency.underWay,
    closedForMs: Math.max(
      0,
      (penalty?.untilMs ?? 0) - nowMs,
      forgotUntilMs - nowMs,
      (quota?.blockedUntilMs ?? 0) - nowMs,
    ),
    quota: quota?.rules ?? [],
  }))

export const repairHook =
  (log: Logger, metrics: Metrics) =>
  (repair: Repair, { id, name }: JobRecord): void => {
    metrics.wecom_media_jobs_repaired_total.inc({ repair })
    log.warn({ job: id, name, repair }, 'repaired')
  }

/** A refused callback is either a stranger or a wrong key: an operator wants to know which. */
export const callbackHook =
  (log: Logger, metrics: Metrics, heard: Pick<Heard, 'note'>) =>
  (party: string | undefined, { event, outcome, reason, name, status }: CallbackAnswer, ms: number): void => {
    observeCallback(metrics, party, { event, outcome, ...(reason && { reason }) }, ms)
    if (party !== undefined && (outcome === 'accepted' || outcome === 'replayed')) heard.note(party)
    const level = outcome === 'refused' || outcome === 'failed' ? 'warn' : 'info'
    log[level]({ app: party, event, outcome, reason, name, status, ms: Math.round(ms) }, 'callback')
  }

/** What was answered as asked is for `debug`: there may be a thousand a second. */
export const apiHook =
  (log: Logger, metrics: Metrics) =>
  ({ operation, token, status, ms }: ApiAnswer): void => {
    observeApi(metrics, { operation, status, ms })
    const level = status >= 500 ? 'warn' : status === 401 || status === 403 ? 'info' : 'debug'
    log[level]({ operation, token, status, ms: Math.round(ms) }, 'api')
  }
