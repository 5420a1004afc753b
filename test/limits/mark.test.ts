import { expect, test } from 'vitest'
import { createGate, createRules, createStore, type LimitsConfig } from '../../src/limits/index.ts'
import { readPair } from '../../src/limits/read.ts'
import { createRecords } from '../../src/record/index.ts'
import { testRedis } from '../support/redis.ts'
import { only } from './virtual.ts'

const pair = { corp: 'ww1', method: 'media/upload' } as const
const call = { ...pair, patienceMs: 0 }
const second = { amount: 100, windowMs: 2_000, burst: 10, scope: 'corp' }

/** A gate and the records of one Redis, and a job under its first fence. */
async function setUp(change: LimitsConfig['all'] = {}) {
  const { redis, prefix } = testRedis()
  const namespace = `{${prefix}}:p0`
  const records = createRecords(redis, namespace)
  const store = createStore({
    redis,
    namespace,
    rules: createRules({ all: { ...only({ second }), ...change } }),
  })
  const claim = async () => {
    await redis.set(`${namespace}:upload:j:lock`, 'me')
    const facts = { name: 'media.upload', queue: 'upload', payload: '{}', fingerprint: 'f' }
    const claimed = await records.claim(
      { id: 'j', ...facts, deadlineMs: 60_000 },
      { jobId: 'j', token: 'me' },
    )
    if (claimed.as !== 'claimed') throw new Error(claimed.as)
    return claimed
  }
  const heard: string[] = []
  const along = (fence: number, marks = true) => ({
    ...records.marking({ id: 'j', fence }, marks),
    heard(word: string) {
      heard.push(word)
      if (word !== 'go') throw new Error(word)
    },
  })
  const asked = () => readPair(store, pair)
  return { gate: createGate(store), records, claim, along, heard, asked }
}

test('a call is marked by the script that grants it', async () => {
  const { gate, claim, along, heard } = await setUp()
  const grant = await gate.pass({ ...call, along: along((await claim()).fence) })
  expect(grant.isMarked).toBe(true)
  expect(heard).toEqual(['go'])
  expect(await claim()).toMatchObject({ unknown: true, units: 1 })
})

test('a read is counted and leaves no mark, and a call without a record is not marked', async () => {
  const { gate, claim, along, records } = await setUp()
  await gate.pass({ ...call, along: along((await claim()).fence, false) })
  expect(await records.read('j')).toMatchObject({ calls: 1 })
  expect(await claim()).toMatchObject({ unknown: false })
  expect(await gate.pass(call)).toMatchObject({ isMarked: false })
})

test('a call that is put off leaves no mark', async () => {
  const { gate, claim, along, heard } = await setUp({ concurrency: 1 })
  const { fence } = await claim()
  await gate.pass(call)
  await expect(gate.pass({ ...call, along: along(fence) })).rejects.toMatchObject({ kind: 'limit' })
  expect(heard).toEqual([])
  expect(await claim()).toMatchObject({ unknown: false })
})

test('an attempt that is no longer the current one, or whose job has ended, is charged nothing', async () => {
  const { gate, claim, along, heard, asked, records } = await setUp()
  const first = await claim()
  const { fence } = await claim()
  await expect(gate.pass({ ...call, along: along(first.fence) })).rejects.toThrow('fenced')
  await records.accept('j', { mediaId: 'm' })
  await expect(gate.pass({ ...call, along: along(fence) })).rejects.toThrow('ended')
  expect(heard).toEqual(['fenced', 'ended'])
  const { buckets, concurrency } = await asked()
  expect(concurrency.underWay).toBe(0)
  expect(buckets).toMatchObject([{ rule: 'second', rested: 1 }])
})

test('whoever gives up while the mark is on its way hears whether it was left', async () => {
  const { gate, claim, along } = await setUp()
  const { fence } = await claim()
  const leaving = new AbortController()
  const passed = gate.pass({ ...call, signal: leaving.signal, along: along(fence) })
  leaving.abort(new Error('left'))
  expect(await passed).toMatchObject({ isMarked: true })
})
