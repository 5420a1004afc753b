/** S21 of notes/reliability.md: whatever the platform and strangers send, labels come from closed sets and series are few. */

import { expect, test } from 'vitest'
import { closedSets } from '../../src/app/closed-sets.ts'
import { createMetrics, metricsTable } from '../../src/metrics/metrics.ts'
import { observeCall, observeCallback, observeEnd } from '../../src/metrics/observe.ts'
import { startAtZero } from '../../src/metrics/zero.ts'
import { seriesOf } from '../support/metrics.ts'

/** Of a process that has just started and never met a company. */
const seriesMax = 1_500

async function started() {
  const { registry, metrics } = createMetrics()
  startAtZero(metrics, closedSets())
  return { metrics, series: async () => seriesOf(await registry.metrics()) }
}

test('a process starts with few series', async () => {
  const { series } = await started()
  expect((await series()).size).toBeLessThan(seriesMax)
})

test('names of jobs, ids of parties and errcodes that nobody knows share a label', async () => {
  const { metrics, series } = await started()
  const call = { method: 'media/get', ms: 1, bytesSent: 0, bytesReceived: 0, kind: 'rejected' }
  const end = { outcome: 'failed', kind: 'invalid', ms: 1, ageMs: 1, waitedMs: 1 }
  const hit = (n: number) => {
    observeCall(metrics, { ...call, errcode: n, unknownCode: true })
    observeEnd(metrics, { ...end, name: `evil-${n}` }, undefined)
    observeCallback(metrics, undefined, { event: 'none', outcome: 'refused', reason: 'signature' }, 1)
  }
  hit(70_000)
  const once = (await series()).size
  for (let n = 0; n < 500; n++) hit(70_001 + n)
  const all = await series()
  expect(all.size).toBe(once)
  expect(all.get('wecom_media_calls_total{method="media/get",errcode="other"}')).toBe(501)
})

test('no metric has a label that names a job, a medium, a file or an address', () => {
  const forbidden = /^(id|job|job_?id|media_?id|key|url|path|name|host|ip|token)$/i
  for (const [name, { labelNames }] of Object.entries(metricsTable))
    expect(
      labelNames.filter(label => forbidden.test(label)),
      name,
    ).toEqual([])
})

test('names carry their units, and counters their suffix', () => {
  for (const [name, { type }] of Object.entries(metricsTable)) {
    expect(name).toMatch(/^wecom_media_[a-z_]+$/)
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(name).not.toMatch(/_(ms|millis|kb|mb|minutes)(_|$)/)
  }
})
