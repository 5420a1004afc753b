import { expect, test } from 'vitest'
import { createErrorGate } from '../../src/processors/error-gate.ts'
import { setClock } from '../support/set-clock.ts'

const refusal = new Error('OOM command not allowed')

function gate() {
  const clock = setClock()
  const log: string[] = []
  let refusing = true
  const parts = {
    isRefusal: (error: unknown) => error === refusal,
    probe: async () => {
      log.push(`probe ${clock.nowMs() - 1_000_000}`)
      if (refusing) throw refusal
    },
    pause: async () => void log.push('pause'),
    resume: async () => void log.push('resume'),
    clock,
    signal: new AbortController().signal,
  }
  return { ...createErrorGate(parts), clock, log, allow: () => (refusing = false) }
}

test('thousands of refusals close the gate once; it probes ever more slowly and opens by itself', async () => {
  const { see, clock, log, allow } = gate()
  for (let i = 0; i < 5_000; i++) see(refusal)
  await clock.advance(100_000)
  expect(log).toEqual([
    'pause',
    'probe 1000',
    'probe 3000',
    'probe 7000',
    'probe 15000',
    'probe 31000',
    'probe 61000',
    'probe 91000',
  ])
  allow()
  await clock.advance(30_000)
  expect(log.slice(-2)).toEqual(['probe 121000', 'resume'])
  see(refusal)
  expect(log.at(-1)).toBe('pause')
})

test('other errors leave the gate open', async () => {
  const { see, clock, log } = gate()
  see(new Error('socket closed'))
  await clock.advance(10_000)
  expect(log).toEqual([])
})

test('a result is kept and written when Redis takes it again', async () => {
  const { persist, clock, allow } = gate()
  let tries = 0
  const write = persist(async () => {
    tries += 1
    if (tries < 2) throw refusal
    return 'written'
  })
  await clock.advance(500)
  allow()
  await clock.advance(1_000)
  await expect(write).resolves.toBe('written')
  expect(tries).toBe(2)
})

test('a write that fails for another reason fails', async () => {
  const { persist } = gate()
  await expect(
    persist(async () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
})
