import { expect, test } from 'vitest'
import { createLooks, type Look } from '../../src/metrics/looks.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'

/** Looks of which the time and the readiness are set. */
function scene(looks: (metrics: ReturnType<typeof createMetrics>['metrics']) => Record<string, Look>) {
  const { registry, metrics } = createMetrics()
  const state = { nowMs: 0, isReady: true }
  const take = createLooks({
    metrics,
    looks: looks(metrics),
    isReady: () => state.isReady,
    monotonicMs: () => state.nowMs,
  })
  const page = async () => {
    await take()
    return registry.metrics()
  }
  return { state, page }
}

test('scrapes that come together or soon after share one look', async () => {
  let reads = 0
  const { state, page } = scene(metrics => ({
    a: {
      gauges: ['wecom_media_queue_paused'],
      read: async () => {
        reads += 1
        return () => metrics.wecom_media_queue_paused.set({ queue: 'upload' }, reads)
      },
    },
  }))
  const pages = await Promise.all([page(), page(), page()])
  for (const each of pages) expect(each).toContain('wecom_media_queue_paused{queue="upload"} 1')
  state.nowMs = 4_999
  expect(await page()).toContain('wecom_media_queue_paused{queue="upload"} 1')
  state.nowMs = 5_000
  expect(await page()).toContain('wecom_media_queue_paused{queue="upload"} 2')
})

test('a look that fails takes its own gauges off the page, counts, and leaves the others', async () => {
  let broken = false
  const { state, page } = scene(metrics => ({
    good: {
      gauges: ['wecom_media_queue_jobs'],
      read: async () => () => metrics.wecom_media_queue_jobs.set({ queue: 'upload', state: 'waiting' }, 7),
    },
    bad: {
      gauges: ['wecom_media_redis_memory_used_bytes', 'wecom_media_redis_persistence'],
      read: async () => {
        if (broken) throw new Error('NOPERM')
        return () => {
          metrics.wecom_media_redis_memory_used_bytes.set(1)
          metrics.wecom_media_redis_persistence.set({ kind: 'aof' }, 1)
        }
      },
    },
  }))
  expect(await page()).toMatch(/^wecom_media_redis_memory_used_bytes 1$/m)
  broken = true
  state.nowMs = 10_000
  const after = await page()
  expect(after).not.toMatch(/^wecom_media_redis_memory_used_bytes /m)
  expect(after).not.toContain('kind="aof"')
  expect(after).toContain('wecom_media_queue_jobs{queue="upload",state="waiting"} 7')
  expect(after).toContain('wecom_media_look_failures_total{look="bad"} 1')
  broken = false
  expect(await page()).toMatch(/^wecom_media_redis_memory_used_bytes 1$/m)
})

test('what is gone leaves the page with the next look', async () => {
  let corps = ['a', 'b']
  const { state, page } = scene(metrics => ({
    limits: {
      gauges: ['wecom_media_limit_rate_share'],
      read: async () => () => {
        for (const corp of corps) metrics.wecom_media_limit_rate_share.set({ corp, method: 'media/get' }, 1)
      },
    },
  }))
  expect(await page()).toContain('corp="a"')
  corps = ['b']
  state.nowMs = 5_000
  const after = await page()
  expect(after).not.toContain('corp="a"')
  expect(after).toContain('corp="b"')
})

test('a Redis that is away is not asked, and one that does not answer is asked once', async () => {
  let asked = 0
  const { state, page } = scene(metrics => ({
    redis: {
      gauges: ['wecom_media_redis_latency_seconds'],
      read: () => {
        asked += 1
        return new Promise(() => {})
      },
      missed: () => metrics.wecom_media_redis_up.set(0),
    },
  }))
  state.isReady = false
  expect(await page()).toMatch(/^wecom_media_redis_up 0$/m)
  expect(asked).toBe(0)
  state.isReady = true
  await page()
  state.nowMs = 60_000
  expect(await page()).toContain('wecom_media_look_failures_total{look="redis"} 3')
  expect(asked).toBe(1)
})
