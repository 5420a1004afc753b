import { expect, test } from 'vitest'
import { createRules, limitedMethods } from '../../src/limits/index.ts'

test('the design’s 5,000 a minute and the platform’s 150,000 an hour hold for every method, and the address’s own', () => {
  for (const method of limitedMethods) {
    const { buckets, concurrency } = createRules().of('ww1', method)
    expect(
      buckets.map(({ name, amount, windowMs, scope }) => [name, amount, windowMs / 60_000, scope]),
    ).toEqual([
      ['minute', 5_000, 1, 'corp'],
      ['hour', 150_000, 60, 'corp'],
      ['ip-minute', 20_000, 1, 'ip'],
      ['ip-hour', 600_000, 60, 'ip'],
    ])
    expect(concurrency).toBeUndefined()
  }
  expect(createRules().of('ww1', 'media/uploadimg').quota).toEqual([
    { name: 'day', amount: 1_000, per: 'day' },
    { name: 'month', amount: 3_000, per: 'month' },
  ])
})

test('the spacing is T = (W + D) / (N − B), rounded up, and a burst of B goes at once', () => {
  const [minute, hour] = createRules().of('ww1', 'media/upload').buckets
  expect(minute).toMatchObject({
    burst: 25,
    spacingUs: Math.ceil(61_000_000 / 4_975),
    toleranceUs: 24 * 12_262,
  })
  expect(hour).toMatchObject({ burst: 50_000, spacingUs: 36_010 })
  const rates = { minute: { amount: 10, burst: 3, windowMs: 7_000 } }
  const [odd] = createRules({ all: { rates }, flightMs: 500 }).of('ww1', 'media/upload').buckets
  expect(odd).toMatchObject({ spacingUs: 1_071_429 })
})

test('rules can be changed for all, by method, by corp and by both, the nearest wins', () => {
  const rules = createRules({
    all: { rates: { minute: { amount: 10_000 }, hour: null } },
    methods: { 'media/get': { rates: { minute: { amount: 8_000 } }, concurrency: 30 } },
    corps: {
      ww1: { all: { rates: { minute: { amount: 600 } } }, methods: { 'media/get': { concurrency: null } } },
      ww2: {
        methods: {
          'media/uploadimg': {
            quota: { day: { amount: 50 }, month: null, last: { amount: 9, per: '30-days' } },
          },
        },
      },
    },
  })
  const minuteOf = (corp: string, method: 'media/get' | 'media/upload') => {
    const { buckets, concurrency } = rules.of(corp, method)
    return [buckets.find(({ name }) => name === 'minute')?.amount, concurrency]
  }
  expect(minuteOf('ww9', 'media/upload')).toEqual([10_000, undefined])
  expect(minuteOf('ww9', 'media/get')).toEqual([8_000, 30])
  expect(minuteOf('ww1', 'media/get')).toEqual([600, undefined])
  expect(rules.of('ww1', 'media/get').buckets.map(({ name }) => name)).not.toContain('hour')
  expect(rules.of('ww2', 'media/uploadimg').quota).toEqual([
    { name: 'day', amount: 50, per: 'day' },
    { name: 'last', amount: 9, per: '30-days' },
  ])
})

const rate = (change: object) => ({ all: { rates: { minute: change } } })

test.each([
  ['a burst as large as the amount', rate({ burst: 5_000 }), '"minute" of gettoken has a burst of 5000'],
  ['an amount of nothing', rate({ amount: 0 }), '"minute" of gettoken has the amount 0'],
  ['a negative amount', rate({ amount: -5 }), 'the amount -5'],
  ['an amount of one', rate({ amount: 1 }), 'at least 2'],
  ['a broken amount', rate({ amount: 1.5 }), 'the amount 1.5'],
  ['an infinite amount', rate({ amount: Number.POSITIVE_INFINITY }), 'the amount Infinity'],
  ['D over W', { ...rate({ windowMs: 60_000 }), flightMs: 60_000 }, 'make it longer'],
  ['no D', { flightMs: 0 }, 'flightMs is 0'],
  ['no window', { all: { rates: { extra: { amount: 5 } } } }, '"extra" of gettoken has a window of NaN'],
  [
    'a name that is no field',
    { all: { rates: { 'a:b': { amount: 5, windowMs: 5_000 } } } },
    'a name of other than',
  ],
  [
    'a quota of nothing',
    { methods: { 'media/uploadimg': { quota: { day: { amount: 0 } } } } },
    '"day" of media/uploadimg',
  ],
  [
    'a quota per week',
    { all: { quota: { week: { amount: 1, per: 'week' } } } },
    'write day, month or 30-days',
  ],
  ['a cap of nothing', { all: { concurrency: 0 } }, 'the concurrency of gettoken is 0'],
  ['a corp’s cap of nothing', { corps: { ww1: { concurrency: 0 } } }, 'gettoken of corp ww1 is 0'],
  [
    'an unknown method',
    { methods: { 'media/uplod': {} } },
    'method "media/uplod" is not known: write one of gettoken',
  ],
  ['a corp’s unknown method', { corps: { ww1: { methods: { toString: {} } } } }, 'method "toString"'],
  [
    'an address’s rule for one corp',
    { corps: { ww1: { all: { rates: { 'ip-minute': null } } } } },
    'corp ww1 cannot',
  ],
  ['a corp that is wrong', { corps: { ww1: rate({ amount: 0 }) } }, '"minute" of gettoken of corp ww1'],
])('refuses %s', (_, config, message) => {
  const trying = () => createRules(config as never)
  expect(trying).toThrow(message)
  expect(trying).toThrow(expect.objectContaining({ kind: 'config' }))
  expect(trying).not.toThrow('\n')
})
