/** How far a job is reaches people at most once a second, and not at all for what is over by then. */

import { expect, test } from 'vitest'
import type { Progress } from '../../src/processors/context.ts'
import { sparingly } from '../../src/processors/progress.ts'
import { manualClock } from '../wecom/manual-clock.ts'

function setUp() {
  const clock = manualClock()
  const told: Progress[] = []
  const telling = sparingly(async progress => void told.push(progress), clock)
  const small = (doneBytes: number) => telling.tell({ doneBytes, totalBytes: 1_000 })
  return { clock, told, telling, small }
}

test('of a small file that is gone within a second nothing is told', async () => {
  const { clock, told, telling, small } = setUp()
  small(500)
  telling.end()
  await clock.advance(5_000)
  expect(told).toEqual([])
})

test('of a small file that takes long each second is told', async () => {
  const { clock, told, telling, small } = setUp()
  for (const doneBytes of [100, 200, 300, 400, 500]) {
    small(doneBytes)
    await clock.advance(1_000)
  }
  telling.end()
  expect(told.map(({ doneBytes }) => doneBytes)).toEqual([100, 300, 400, 500])
})

test('of a large file the first word is told at once, and then one a second', async () => {
  const { clock, told, telling } = setUp()
  for (const doneBytes of [1, 2, 3]) telling.tell({ doneBytes, totalBytes: 2 ** 24 })
  await clock.advance(1_000)
  telling.tell({ doneBytes: 4, totalBytes: 2 ** 24 })
  expect(told.map(({ doneBytes }) => doneBytes)).toEqual([1, 4])
})
