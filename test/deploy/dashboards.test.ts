/** deploy/grafana against the code, and against what Grafana needs. Whether every query parses is asked of promtool in test/slow/prometheus.test.ts. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics, metricsTable } from '../../src/metrics/metrics.ts'
import { type Dashboard, dashboards, type Panel, queries } from '../support/dashboards.ts'
import { deployDir, knownNames, namesIn, rules } from '../support/prometheus.ts'

const read = (path: string) => readFileSync(join(deployDir, 'grafana', path), 'utf8')
/** Of Grafana 11, which migrates older ones and refuses newer ones. */
const schemaVersion = 39
const types = ['row', 'timeseries', 'stat', 'bargauge', 'table']

const overlap = ({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

describe.each(
  dashboards.map(each => [each.title, each] as [string, Dashboard]),
)('%s', (_title, dashboard) => {
  const { panels, templating } = dashboard

  test('has what Grafana needs to load it', () => {
    expect(dashboard.uid).toMatch(/^[a-z-]{1,40}$/)
    expect(dashboard.schemaVersion).toBe(schemaVersion)
    expect(dashboard).not.toHaveProperty('id')
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { type, title, gridPos, targets = [] } of panels) {
      expect(types, title).toContain(type)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      expect(targets.length > 0, title).toBe(type !== 'row')
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length)
      for (const { datasource } of targets)
        expect([datasource.type, datasource.uid]).toEqual([
          'prometheus',
          expect.stringMatching(/^\$\{datasource\}$/),
        ])
    }
  })

  test('has no panels over each other', () => {
    const both = panels.flatMap((a, n) => panels.slice(n + 1).map(b => [a, b] as const))
    expect(both.filter(([a, b]) => overlap(a, b)).map(([a, b]) => `${a.title} / ${b.title}`)).toEqual([])
  })

  test('uses no variable that it does not have', () => {
    const known = templating.list.map(({ name }) => name)
    const used = JSON.stringify(dashboard).matchAll(/\$\{?(\w+)\}?/g)
    for (const [, name] of used) expect(known).toContain(name)
  })
})

test('every metric that a dashboard reads exists, and its labels do', async () => {
  const known = knownNames(await createMetrics().registry.metrics())
  for (const { where, expr } of queries) {
    const names = namesIn(expr)
    expect(names.length > 0 || expr.includes('ALERTS'), where).toBe(true)
    for (const name of names) expect(known, `${where} reads ${name}`).toContain(name)
    for (const [, name = '', matchers = ''] of expr.matchAll(/\b(wecom_media_\w+)\{([^}]*)\}/g)) {
      const row = metricsTable[name.replace(/_(bucket|sum|count)$/, '') as keyof typeof metricsTable]
      const labels = [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label)
      for (const label of labels)
        expect(['job', 'instance', 'le', ...(row?.labelNames ?? [])], where).toContain(label)
    }
  }
})

test('what replicas read from Redis is not summed as it is: the dashboards read the recorded maximum', () => {
  const recorded = rules.flatMap(({ record, expr }) =>
    record?.endsWith(':max') ? (/\((wecom_media_\w+)\)/.exec(expr)?.[1] ?? []) : [],
  )
  expect(recorded.length).toBeGreaterThan(8)
  for (const { where, expr } of queries)
    for (const name of recorded) expect(namesIn(expr), where).not.toContain(name)
})

test('every metric of ours is on a dashboard or in an alert', () => {
  const read = new Set([...queries, ...rules].flatMap(({ expr }) => namesIn(expr)))
  const rests = Object.keys(metricsTable).filter(
    name =>
      ![...read].some(each => each === name || (each.startsWith(name) && /_(bucket|count|sum)$/.test(each))),
  )
  expect(rests).toEqual([])
})

test('the provisioned data source and folder are those that the dashboards and the stack use', () => {
  const [{ uid, type, url }] = parse(read('provisioning/datasources/prometheus.yml')).datasources
  expect([uid, type, url]).toEqual(['prometheus', 'prometheus', 'http://prometheus:9090'])
  const [{ options }] = parse(read('provisioning/dashboards/wecom-media.yml')).providers
  expect(options.path).toBe('/etc/grafana/dashboards')
  for (const { templating } of dashboards)
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' })
})
