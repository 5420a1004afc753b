/** K06: a callback races with the attempt that stores the jobid; on real Redis, in every order that a few hundred runs bring. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRecords } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'

test('K06 whatever the order of callback and jobid, one of the two notices the other, and the job ends once', async () => {
  const { redis, prefix } = testRedis()
  const other = redis.duplicate()
  const [job, callback] = [redis, other].map(connection => createRecords(connection, `{${prefix}}:p0`))
  if (!job || !callback) throw new Error('no records')
  let number = 0
  const seen = { early: 0, woken: 0 }
  const race = fc.asyncProperty(fc.scheduler(), async scheduler => {
    number += 1
    const id = `j${number}`
    const alias = `ww1 jobid_${number}`
    await job.open({ id, name: 'n', queue: 'async', payload: '{}', fingerprint: 'f', deadlineMs: 60_000 })
    await redis.set(`{${prefix}}:p0:async:${id}:lock`, 't')
    const request = { id, name: 'n', queue: 'async', payload: '{}', fingerprint: 'f', deadlineMs: 60_000 }
    const claim = await job.claim(request, { jobId: id, token: 't' })
    if (claim.as !== 'claimed') throw new Error(claim.as)
    const keep = scheduler
      .schedule(Promise.resolve('jobid'))
      .then(() => job.keep({ id, fence: claim.fence }, 'submitted:1', { jobId: 'x' }, { alias }))
    const hears = [1, 2].map(copy =>
      scheduler.schedule(Promise.resolve(`callback ${copy}`)).then(() => callback.heard(alias)),
    )
    await scheduler.waitAll()
    const kept = await keep
    await Promise.all(hears)
    const early = kept.as === 'kept' && kept.early
    const woken = await job.isWoken(id)
    seen.early += early ? 1 : 0
    seen.woken += woken ? 1 : 0
    expect(early || woken).toBe(true)
    // The look that follows, and another one of a zombie: the first result stays.
    const ends = await Promise.all([job.accept(id, { mediaId: 'a' }), callback.accept(id, { mediaId: 'b' })])
    expect(ends.map(({ as }) => as).toSorted()).toEqual(['accepted', 'duplicate'])
  })
  await fc.assert(race, { numRuns: 300 })
  // Both orders were met, or the test shows nothing.
  expect(seen.early).toBeGreaterThan(10)
  expect(seen.woken).toBeGreaterThan(10)
  other.disconnect()
})
