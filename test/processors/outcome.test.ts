import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fault, kinds } from '../../src/fault.ts'
import { delayAfter, outcomeOf } from '../../src/processors/outcome.ts'

const ending = { busyTries: 0, remainingMs: 3_600_000, isLastAttempt: false }

test('every kind has exactly one outcome', () => {
  const outcomes = Object.fromEntries(kinds.map(kind => [kind, outcomeOf(new Fault(kind, 'why'), ending).as]))
  expect(outcomes).toMatchInlineSnapshot(`
    {
      "busy": "wait",
      "cancelled": "stop",
      "config": "stop",
      "conflict": "stop",
      "expired": "stop",
      "forbidden-address": "stop",
      "gone": "stop",
      "invalid": "stop",
      "limit": "wait",
      "not-found": "stop",
      "pending": "wait",
      "quota": "stop",
      "rejected": "stop",
      "token": "retry",
      "too-big": "stop",
      "transient": "retry",
      "unavailable": "wait",
      "unknown": "retry",
      "worker-died": "stop",
      "wrong-type": "stop",
    }
  `)
})

test('a wait that would pass the deadline stops the job and says when it could have gone on', () => {
  const fault = new Fault('limit', 'closed for a minute', { waitMs: 60_000, errcode: 45009 })
  expect(outcomeOf(fault, { ...ending, remainingMs: 60_001 })).toMatchObject({ as: 'wait', ms: 60_000 })
  const late = outcomeOf(fault, { ...ending, remainingMs: 60_000 })
  expect(late).toMatchObject({ as: 'stop', why: { kind: 'expired', errcode: 45009 } })
  expect(late.as === 'stop' && late.why.message).toContain('60 s')
})

test('a platform that is busy is asked three times in all', () => {
  const busy = new Fault('busy', 'busy', { errcode: -1 })
  const after = [1, 2, 3].map(busyTries => outcomeOf(busy, { ...ending, busyTries }).as)
  expect(after).toEqual(['wait', 'wait', 'stop'])
})

test('the last attempt ends the job with the fault it met', () => {
  const fault = new Fault('transient', 'refused')
  expect(outcomeOf(fault, { ...ending, isLastAttempt: true })).toEqual({ as: 'stop', why: fault })
})

test('what is no fault of ours costs an attempt and keeps its cause', () => {
  const bug = new TypeError('undefined is not a function')
  const outcome = outcomeOf(bug, ending)
  expect(outcome).toMatchObject({ as: 'retry', why: { kind: 'transient', cause: bug } })
  expect(outcomeOf('just a string', ending)).toMatchObject({ as: 'retry' })
})

test('the delay before the next attempt is what the fault asks for, else bounded and growing', () => {
  expect(delayAfter(1, new Fault('transient', 'x', { waitMs: 7 }), () => 1)).toBe(7)
  const most = [1, 2, 3, 4, 5, 6, 7, 8].map(attempt => delayAfter(attempt, new Error('x'), () => 1))
  expect(most).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, random) => {
        const ms = delayAfter(attempt, new Error('x'), () => random)
        return Number.isInteger(ms) && ms >= 0 && ms <= 60_000
      },
    ),
  )
})
