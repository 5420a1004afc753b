import { expect, test } from 'vitest'
import { watchLeases } from '../../src/processors/lease.ts'
import { setClock } from '../support/set-clock.ts'

function watch(lockMs = 10_000) {
  const clock = setClock()
  const over = new AbortController()
  const lost: string[] = []
  const leases = watchLeases(lockMs, id => lost.push(id), clock, over.signal)
  return { clock, lost, leases, over }
}

test('a lease that nobody renews is lost after 70 % of the lock and before it ends', async () => {
  const { clock, lost, leases } = watch()
  leases.hold('j')
  await clock.advance(7_000)
  expect(lost).toEqual([])
  await clock.advance(1_000)
  expect(lost).toEqual(['j'])
  await clock.advance(60_000)
  expect(lost, 'told once').toEqual(['j'])
})

test('a renewed lease goes on', async () => {
  const { clock, lost, leases } = watch()
  leases.hold('j')
  for (let i = 0; i < 20; i++) {
    await clock.advance(5_000)
    leases.confirm('j')
  }
  expect(lost).toEqual([])
})

test('a released lease is not watched, nor is one confirmed that was never held', async () => {
  const { clock, lost, leases } = watch()
  leases.hold('j')()
  leases.confirm('stranger')
  await clock.advance(60_000)
  expect(lost).toEqual([])
})

test('releasing the first attempt leaves the watch on a second one of the same job', async () => {
  const { clock, lost, leases } = watch()
  const releaseFirst = leases.hold('j')
  leases.hold('j')
  releaseFirst()
  await clock.advance(8_000)
  expect(lost).toEqual(['j'])
})

test('the watch ends with its signal', async () => {
  const { clock, over } = watch()
  over.abort()
  await clock.advance(1)
  expect(clock.sleepers()).toBe(0)
})
