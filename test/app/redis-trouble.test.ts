/** What is told of a Redis that is away: enough to see it, and no flood. */

import { expect, test } from 'vitest'
import { redisTrouble } from '../../src/app/redis-trouble.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { seriesOf } from '../support/metrics.ts'

test('an error that many queues report is counted once, and an outage is a line every half minute', async () => {
  const { registry, metrics } = createMetrics()
  const lines: string[] = []
  const log = createLog('info', { stream: { write: line => void lines.push(line) } })
  let nowMs = 0
  const hear = redisTrouble({ log, metrics, clock: { monotonicMs: () => nowMs } }, 'public')
  for (let attempt = 0; attempt < 60; attempt++) {
    const error = new Error('connect ECONNREFUSED 127.0.0.1:6379')
    for (let queue = 0; queue < 12; queue++) hear(error)
    nowMs += 1_000
  }
  const counted = seriesOf(await registry.metrics())
  expect(counted.get('wecom_media_redis_errors_total{connection="public"}')).toBe(60)
  expect(lines).toHaveLength(2)
  hear(new Error('NOAUTH'))
  expect(lines).toHaveLength(3)
})
