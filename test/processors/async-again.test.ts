import { describe, expect, test } from 'vitest'
import type { FaultReport } from '../../src/fault.ts'
import { afterEnd } from '../../src/processors/async-again.ts'
import type { Submission } from '../../src/processors/async-submission.ts'

const at = (nowMs: number, leftMs = 3_600_000) => ({
  openedAtMs: 1_000,
  nowMs: () => nowMs,
  remainingMs: () => leftMs,
})
const retry = { onUnknown: 'retry' } as const
const hold = { onUnknown: 'hold' } as const

const ended = (
  number: number,
  fault: FaultReport,
  facts: Partial<Submission> & { readonly endMs?: number } = {},
): Submission => {
  const { endMs = 2_000, ...others } = facts
  return {
    ...{ number, jobId: `j${number}`, md5: 'm', sizeBytes: 9, computed: false, atMs: 1_500 },
    end: { fault, atMs: endMs },
    ...others,
  }
}

const away: FaultReport = { kind: 'transient', message: 'could not be fetched', errcode: 830003 }
const gone: FaultReport = { kind: 'gone', message: 'unknown jobid', errcode: 40088 }
const mismatch: FaultReport = { kind: 'rejected', message: 'md5', errcode: 301019 }

describe('after the end of a submission', () => {
  test('nothing is decided before there is one, or for one of an earlier asking', () => {
    expect(afterEnd([], retry, at(2_000))).toBeUndefined()
    const { end: _, ...running } = ended(1, away)
    expect(afterEnd([running], retry, at(2_000))).toBeUndefined()
    expect(afterEnd([ended(1, mismatch, { endMs: 500 })], retry, at(2_000))).toBeUndefined()
  })

  test('a file that could not be fetched is submitted again after a pause that grows, three times at most', () => {
    expect(afterEnd([ended(1, away)], retry, at(2_000))).toMatchObject({ as: 'wait', ms: 10_000 })
    expect(afterEnd([ended(1, away)], retry, at(7_000))).toMatchObject({ as: 'wait', ms: 5_000 })
    expect(afterEnd([ended(1, away)], retry, at(12_000))).toBeUndefined()
    const twice = [ended(1, away), ended(2, away, { endMs: 20_000 })]
    expect(afterEnd(twice, retry, at(20_000))).toMatchObject({ as: 'wait', ms: 20_000 })
    expect(afterEnd([...twice, ended(3, away, { endMs: 50_000 })], retry, at(50_000))).toMatchObject({
      as: 'stop',
      why: { errcode: 830003 },
    })
    // Those of an earlier asking do not count.
    const earlier = [ended(1, away, { endMs: 400 }), ended(2, away, { endMs: 500 }), ended(3, away)]
    expect(afterEnd(earlier, retry, at(2_000))).toMatchObject({ as: 'wait', ms: 10_000 })
  })

  test('a pause that the deadline does not allow ends the job with the reason', () => {
    expect(afterEnd([ended(1, away)], retry, at(2_000, 9_000))).toMatchObject({
      as: 'stop',
      why: { errcode: 830003 },
    })
  })

  test('an md5 that does not fit is final, unless it was ours', () => {
    expect(afterEnd([ended(1, mismatch)], retry, at(2_000))).toMatchObject({
      as: 'stop',
      why: { kind: 'rejected' },
    })
    expect(afterEnd([ended(1, mismatch, { computed: true })], retry, at(2_000))).toMatchObject({ as: 'wait' })
  })

  test('a jobid that is gone is submitted again at once; with hold only if the caller asked again', () => {
    expect(afterEnd([ended(1, gone)], retry, at(2_000))).toBeUndefined()
    expect(afterEnd([ended(1, gone)], hold, at(2_000))).toMatchObject({ as: 'stop', why: { kind: 'gone' } })
    expect(afterEnd([ended(1, gone, { atMs: 900 })], hold, at(2_000))).toBeUndefined()
  })

  test('a kind that means a wait elsewhere is told as rejected when it ends the job', () => {
    const token: FaultReport = { kind: 'token', message: 'x', errcode: 40014 }
    expect(afterEnd([ended(1, token)], retry, at(2_000))).toMatchObject({
      as: 'stop',
      why: { kind: 'rejected', errcode: 40014 },
    })
    const busy: FaultReport = { kind: 'busy', message: 'x', errcode: -1 }
    expect(afterEnd([ended(1, busy)], retry, at(2_000))).toMatchObject({ as: 'wait' })
  })
})
