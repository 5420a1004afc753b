import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBudget } from '../src/budget.ts'

const kib = 1024
const options = { totalBytes: 16_384 * kib, leastBytes: 64 * kib, mostBytes: 512 * kib }

test('the first buffers are of the largest size, a small wish is met as it is', () => {
  const budget = createBudget(options)
  expect(budget.take(10_000 * kib, 2)).toBe(512 * kib)
  expect(budget.take(1_000)).toBe(1_000)
})

test('many buffers are small, and only the least ones go beyond the whole', () => {
  const budget = createBudget(options)
  const sizes = Array.from({ length: 1_000 }, () => budget.take(512 * kib))
  expect(sizes.toSorted((a, b) => b - a)).toEqual(sizes)
  expect(sizes.at(-1)).toBe(64 * kib)
  const larger = sizes.filter(bytes => bytes > 64 * kib)
  expect(larger.length).toBeGreaterThan(40)
  expect(larger.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(options.totalBytes)
})

test('what was given back is there again', () => {
  fc.assert(
    fc.property(
      // More than there is in all, many times.
      fc.array(fc.tuple(fc.integer({ min: 1, max: 600 * kib }), fc.integer({ min: 1, max: 3 })), {
        minLength: 100,
      }),
      wishes => {
        const budget = createBudget(options)
        for (const [bytes, count] of wishes) budget.give(budget.take(bytes, count) * count)
        expect(budget.take(512 * kib)).toBe(512 * kib)
      },
    ),
  )
})
