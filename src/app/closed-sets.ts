/** The closed sets that labels of metrics come from, read off the tables. */

import { Fault, type Kind, kinds } from '../fault.ts'
import { gatedMethods, limitedMethods } from '../limits/index.ts'
import type { ClosedSets } from '../metrics/zero.ts'
import { outcomeOf } from '../processors/outcome.ts'
import { jobs, queueNames } from '../queues/jobs.ts'
import type { Repair } from '../queues/reconcile.ts'

const repairs = ['put-back', 'expired', 'worker-died', 'accepted'] satisfies Repair[]

export const closedSets = (): ClosedSets => ({
  jobs: Object.fromEntries(Object.entries(jobs).map(([name, { queue }]) => [name, queue])),
  queues: queueNames,
  methods: limitedMethods,
  gatedMethods,
  kinds: {
    // Busy ends a job at its third answer.
    failed: kinds.filter(kind => outcomeAtEnd(kind, true) === 'stop' || kind === 'busy'),
    retry: kinds.filter(kind => outcomeAtEnd(kind, false) === 'retry'),
    wait: kinds.filter(kind => outcomeAtEnd(kind, false) === 'wait'),
  },
  repairs,
})

const outcomeAtEnd = (kind: Kind, isLastAttempt: boolean): string =>
  outcomeOf(new Fault(kind, ''), { busyTries: 0, remainingMs: Number.POSITIVE_INFINITY, isLastAttempt }).as
