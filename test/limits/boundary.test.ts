import { setTimeout as delay } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { expect, test } from 'vitest'
import { createGate, createRules, createStore } from '../../src/limits/index.ts'
import { atEnd } from '../support/at-end.ts'
import { testRedis } from '../support/redis.ts'
import { mostIn, only } from './virtual.ts'

const amount = 10
const windowMs = 400

/** One call opens the window; at its end come as many as it allows, and as many again. */
async function burstAtTheEdge(start: () => void): Promise<void> {
  start()
  await delay(windowMs - 60)
  for (let n = 0; n < 2 * amount; n += 1) start()
}

test('R02: a burst at the window’s edge gets N through, where the limiter of BullMQ lets 19 of 10', async () => {
  const { redis, url, prefix } = testRedis()
  const rules = createRules({ all: only({ w: { amount, windowMs, scope: 'corp' } }), flightMs: 40 })
  const gate = createGate(createStore({ redis, namespace: `{${prefix}}:p0`, rules }))
  const arrivals: number[] = []
  const passes: Promise<unknown>[] = []
  const pass = () => {
    const call = { corp: 'ww1', method: 'media/upload', patienceMs: 3_000 } as const
    passes.push(gate.pass(call).then(() => arrivals.push(performance.now())))
  }

  const connection = { url, maxRetriesPerRequest: null }
  const queue = new Queue('q', { connection, prefix })
  const started: number[] = []
  const limiter = { max: amount, duration: windowMs }
  const process = async () => void started.push(performance.now())
  const worker = new Worker('q', process, { connection, prefix, limiter, concurrency: 50 })
  atEnd(() => Promise.all([worker.close(), queue.close()]))
  await worker.waitUntilReady()

  await burstAtTheEdge(() => {
    pass()
    void queue.add('job', {})
  })
  await Promise.all(passes)
  expect(arrivals).toHaveLength(1 + 2 * amount)
  expect(mostIn(windowMs, arrivals)).toBeLessThanOrEqual(amount)
  expect(mostIn(windowMs, started), 'the contrast').toBeGreaterThan(amount)
})
