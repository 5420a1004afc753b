/** How much life a media_id must have to serve, as arithmetic. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leastLifeMs } from '../../src/processors/reuse.ts'
import { mediaLifeMs } from '../../src/wecom/platform.ts'

const anyLife = fc.integer({ min: 0, max: mediaLifeMs })
const times = fc.tuple(fc.nat(3_600_000), fc.nat(3_600_000))

test('who has not waited gets what it asks for', () => {
  fc.assert(fc.property(anyLife, minLifeMs => leastLifeMs(minLifeMs, undefined, 0) === minLifeMs))
})

test('what another job brought while this one waited is enough, whatever was asked for', () => {
  fc.assert(
    fc.property(anyLife, times, (minLifeMs, [afterMs, laterMs]) => {
      // In whole seconds, as the platform tells it.
      const createdAtMs = Math.floor(afterMs / 1_000) * 1_000
      const leftMs = createdAtMs + mediaLifeMs - (afterMs + laterMs)
      expect(leftMs).toBeGreaterThanOrEqual(leastLifeMs(minLifeMs, 0, afterMs + laterMs))
    }),
  )
})

test('one that is older than the wait must have what was asked for', () => {
  const since = 100_000_000
  const createdAtMs = since - 60_000
  const leftMs = createdAtMs + mediaLifeMs - since
  expect(leftMs).toBeLessThan(leastLifeMs(mediaLifeMs, since, since))
  expect(leastLifeMs(3_600_000, since, since + 30_000)).toBe(3_600_000)
})
