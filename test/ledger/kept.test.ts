/** When a media_id that is kept alive is renewed, as arithmetic: any margins, any failures, any times. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  defaultRenewBeforeMs,
  gapMs,
  type Kept,
  type KeptJob,
  keptRetentionMs,
  keptStateOf,
  nextStep,
  renewalAtMs,
  renewalOf,
} from '../../src/ledger/kept.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const lifeMs = 72 * hourMs
const lookMs = 15_000
const startMs = 1_900_000_000_000
const usual = { renewBeforeMs: defaultRenewBeforeMs, lookMs }

const medium = (createdAtMs = startMs, number = 1) => ({
  ...{ mediaId: `m${number}`, createdAtMs, expiresAtMs: createdAtMs + lifeMs, sha256: 'a', sizeBytes: 9 },
  ...{ fileName: 'logo.png', job: 'j', reused: false },
})

const kept = (changes: Partial<Kept> = {}): Kept => ({
  ...{
    id: 'i',
    app: 'default',
    name: 'logo',
    payload: '{}',
    sinceMs: startMs,
    brought: 1,
    told: 1,
    round: 0,
  },
  ...{ untilMs: startMs + 365 * 24 * hourMs, medium: medium() },
  ...changes,
})

const trouble = {
  fault: { kind: 'not-found', message: 'x' },
  atMs: startMs,
  sinceMs: startMs,
  tries: 1,
} as const

/** A worker that always looks when told to, over a platform that answers as `answers` says; what happened, in order. */
function live(answers: (nowMs: number) => 'done' | 'failed', days: number, margins = usual) {
  let now = startMs
  let one = kept({ untilMs: startMs + days * 24 * hourMs })
  const tries: number[] = []
  const gaps: number[] = []
  for (let looks = 0; looks < 5_000; looks += 1) {
    if (one.medium && now > one.medium.expiresAtMs) gaps.push(now)
    const step = nextStep(one, one.job === undefined ? undefined : 'failed', now, margins)
    if (step.as === 'end' || step.as === 'drop') return { now, tries, gaps, one }
    if (step.as === 'sleep') {
      expect(step.untilMs).toBeGreaterThan(now)
      now = step.untilMs
      continue
    }
    if (step.as === 'note') {
      const { job: _, ...rest } = one
      one = { ...rest, trouble: { ...trouble, atMs: now } }
      continue
    }
    tries.push(now)
    const isDone = answers(now) === 'done'
    one = {
      ...one,
      triedAtMs: now,
      round: one.round + 1,
      ...(isDone ? { medium: medium(now) } : { job: 'j' }),
    }
  }
  throw new Error('it goes on for ever')
}

describe('a renewal', () => {
  test('comes a day before the end, and not at all when the media_id outlives its name', () => {
    expect(renewalAtMs(kept(), defaultRenewBeforeMs)).toBe(startMs + 48 * hourMs)
    expect(renewalAtMs(kept({ untilMs: startMs + lifeMs }), defaultRenewBeforeMs)).toBe(Infinity)
    expect(nextStep(kept(), undefined, startMs, usual)).toEqual({
      as: 'sleep',
      untilMs: startMs + 48 * hourMs,
    })
    expect(nextStep(kept(), undefined, startMs + 48 * hourMs, usual)).toEqual({ as: 'renew' })
  })

  test('leaves no moment without a living media_id while the platform answers, and never comes twice at once', () => {
    const hours = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(hours, fc.integer({ min: 1, max: 60 }), (margin, days) => {
        const { tries, gaps } = live(() => 'done', days, { renewBeforeMs: margin * hourMs, lookMs })
        expect(gaps).toEqual([])
        for (const [index, at] of tries.slice(1).entries())
          expect(at - (tries[index] ?? 0)).toBeGreaterThanOrEqual(12 * hourMs)
      }),
      { numRuns: 50 },
    )
  })

  test('that fails is tried 24 times and more before the end, the first time a day before it', () => {
    const { tries } = live(() => 'failed', 4)
    const endMs = startMs + lifeMs
    const before = tries.filter(at => at < endMs)
    expect(endMs - (before[0] ?? 0)).toBe(24 * hourMs)
    expect(before.length).toBeGreaterThanOrEqual(24)
    expect(endMs - (before.at(-1) ?? 0)).toBeLessThanOrEqual(5 * minuteMs)
    // After its death it goes on, once an hour.
    expect(tries.filter(at => at >= endMs)).toHaveLength(24)
  })

  test('that fails for any time within the margin costs nobody a moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 22 * 60 }), minutes => {
        const mendedMs = startMs + 48 * hourMs + minutes * minuteMs
        const { gaps } = live(now => (now >= mendedMs ? 'done' : 'failed'), 20)
        expect(gaps).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  test('asks for more life than makes another one due, and less than a new media_id has', () => {
    fc.assert(
      fc.property(fc.integer({ min: hourMs, max: 60 * hourMs }), renewBeforeMs => {
        const { minLifeMs, deadlineMs } = renewalOf(kept(), startMs, { renewBeforeMs, lifeMs })
        expect(minLifeMs).toBeGreaterThan(renewBeforeMs)
        expect(minLifeMs).toBeLessThan(lifeMs - hourMs)
        expect(deadlineMs).toBeGreaterThanOrEqual(10 * minuteMs)
        expect(deadlineMs).toBeLessThanOrEqual(hourMs)
      }),
    )
  })

  test('of a forgotten media_id is due at once, even just after another one', () => {
    const now = startMs + hourMs
    const forgotten = kept({ forgottenAtMs: now, triedAtMs: now - 1 })
    expect(nextStep(forgotten, undefined, now, usual)).toEqual({ as: 'renew' })
    expect(keptStateOf(forgotten, now, defaultRenewBeforeMs)).toBe('dead')
    const tried = { ...forgotten, triedAtMs: now }
    expect(nextStep(tried, undefined, now, usual)).toEqual({ as: 'sleep', untilMs: now + gapMs(tried, now) })
    expect(gapMs(tried, now)).toBe(5 * minuteMs)
  })

  test('is not repeated at once when the platform answers with a media_id that is old already', () => {
    const old = kept({ medium: medium(startMs - 60 * hourMs), triedAtMs: startMs })
    const step = nextStep(old, undefined, startMs + 1, usual)
    expect(step.as === 'sleep' && step.untilMs - startMs).toBeGreaterThanOrEqual(5 * minuteMs)
  })
})

test('a renewal that a worker left between taking it and queueing it costs a minute, no try', () => {
  const triedAtMs = startMs + 48 * hourMs
  const left = kept({ job: 'j', triedAtMs })
  const untilMs = triedAtMs + minuteMs
  expect(nextStep(left, 'unknown', triedAtMs + 1, usual)).toEqual({ as: 'sleep', untilMs })
  expect(nextStep(left, 'unknown', untilMs, usual)).toEqual({ as: 'renew' })
})

test('a renewal is urgent once one has failed, and where no media_id serves: a backlog must not outlast it', () => {
  const margins = { renewBeforeMs: defaultRenewBeforeMs, lifeMs }
  const { medium: _, ...without } = kept()
  expect(renewalOf(kept(), startMs, margins).isUrgent).toBe(false)
  for (const one of [kept({ trouble }), kept({ forgottenAtMs: startMs }), without])
    expect(renewalOf(one, startMs, margins).isUrgent).toBe(true)
})

describe('a name', () => {
  const { medium: _, ...without } = kept()

  test.each<[string, Kept, KeptJob | undefined, string]>([
    ['whose job is under way waits for it', kept({ job: 'j' }), 'under-way', 'sleep'],
    ['whose renewal failed notes it', kept({ job: 'j' }), 'failed', 'note'],
    ['whose first upload failed is free', { ...without, job: 'j' }, 'failed', 'drop'],
    [
      'that was reserved by a producer that has not queued yet waits',
      { ...without, job: 'j' },
      'unknown',
      'sleep',
    ],
    [
      'that was reserved by a producer that died is free',
      { ...without, job: 'j', sinceMs: 0 },
      'unknown',
      'drop',
    ],
    ['whose first result came without it is renewed', { ...without, job: 'j' }, 'done', 'renew'],
    ['whose renewal was never queued, and is no longer due, sleeps', kept({ job: 'j' }), 'unknown', 'sleep'],
    ['whose time is over ends', kept({ untilMs: startMs }), undefined, 'end'],
    [
      'whose time is over ends while a job is under way',
      kept({ untilMs: startMs, job: 'j' }),
      'under-way',
      'end',
    ],
    ['that has ended is shown', kept({ end: { atMs: startMs, why: 'let-go' } }), undefined, 'sleep'],
    [
      'that ended long ago goes',
      kept({ end: { atMs: startMs - keptRetentionMs, why: 'until' } }),
      undefined,
      'drop',
    ],
  ])('%s', (_what, one, job, as) => {
    expect(nextStep(one, job, startMs, usual).as).toBe(as)
  })

  test.each<[string, Partial<Kept>, number]>([
    ['fresh', {}, 0],
    ['ageing', {}, 48 * hourMs],
    ['failing', { trouble }, 48 * hourMs],
    ['dead', { trouble }, lifeMs],
    ['dead', { forgottenAtMs: startMs }, 0],
    ['ended', { end: { atMs: startMs, why: 'let-go' } }, 0],
    ['ended', { untilMs: startMs + hourMs }, hourMs],
    ['fresh', { untilMs: startMs + lifeMs }, 60 * hourMs],
  ])('is %s with %o', (state, changes, afterMs) => {
    expect(keptStateOf(kept(changes), startMs + afterMs, defaultRenewBeforeMs)).toBe(state)
  })

  test('is new until it has a media_id', () => {
    expect(keptStateOf(without, startMs, defaultRenewBeforeMs)).toBe('new')
  })
})
