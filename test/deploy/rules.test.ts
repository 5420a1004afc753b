/** deploy/prometheus against the code and the runbooks. What promtool must say is in test/slow/prometheus.test.ts. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { deployDir, knownNames, namesIn, rules } from '../support/prometheus.ts'

const read = (path: string): string => readFileSync(join(deployDir, '..', path), 'utf8')
const alerts = rules.flatMap(rule => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]))
const severities = ['critical', 'warning', 'info']

test('every metric that a rule reads exists', async () => {
  const known = knownNames(await createMetrics().registry.metrics())
  for (const { record, alert, expr } of rules) {
    expect(namesIn(expr).length, expr).toBeGreaterThan(0)
    for (const name of namesIn(expr)) expect(known, `${record ?? alert} reads ${name}`).toContain(name)
  }
})

test('what replicas read from Redis is never summed', () => {
  const ofRedis =
    'wecom_media_(queue|quota|limit_(closed|rate|waiting|under)|apps|workers|redis_memory|keep_alive_media|callback_last)'
  const summed = new RegExp(`\\b(sum|avg|count)(\\s+(by|without)\\s*\\([^)]*\\))?\\s*\\(\\s*${ofRedis}`)
  expect('sum by (job, queue) (wecom_media_queue_jobs)').toMatch(summed)
  for (const { expr } of rules) expect(expr).not.toMatch(summed)
})

test('every alert has a severity, a summary, and a section of its own in both runbooks', () => {
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  const headings = (path: string) =>
    [...read(path).matchAll(/^## (WecomMedia\w+)$/gm)].map(([, name]) => name)
  const names = alerts.map(({ alert }) => alert)
  expect(headings('docs/runbooks.md').toSorted()).toEqual(names.toSorted())
  expect(headings('docs/runbooks.zh-CN.md').toSorted()).toEqual(names.toSorted())
  for (const { alert, labels, annotations } of alerts) {
    expect(severities, alert).toContain(labels?.['severity'])
    expect(annotations?.['summary'], alert).toMatch(/\S/)
    expect(annotations?.['runbook_url'], alert).toBe(`docs/runbooks.md#${alert.toLowerCase()}`)
  }
})

test.each(['docs/observability.md', 'docs/observability.zh-CN.md'])('%s lists every alert as it is', path => {
  const rows = [...read(path).matchAll(/^\| `(WecomMedia\w+)` \| `(\w+)` \| (\S+) \|/gm)].map(row =>
    row.slice(1),
  )
  expect(rows).toEqual(
    alerts.map(({ alert, labels, for: pending = '–' }) => [alert, labels?.['severity'], pending]),
  )
})

test('every alert is tested to fire and to stay silent', () => {
  const folder = join(deployDir, 'prometheus/tests')
  const tests = readdirSync(folder).flatMap(
    file => parse(readFileSync(join(folder, file), 'utf8')).tests as { name: string }[],
  )
  for (const { alert } of alerts)
    for (const how of ['fires', 'is silent'])
      expect(
        tests.some(({ name }) => name.startsWith(`${alert} ${how}:`)),
        `${alert} ${how}`,
      ).toBe(true)
})

test('Prometheus scrapes the services of docker-compose.yml at the admin port', () => {
  const { scrape_configs: scrapes } = parse(read('deploy/prometheus/prometheus.yml'))
  const [ours] = scrapes.filter(({ job_name }: { job_name: string }) => job_name === 'wecom-media')
  const compose = parse(read('docker-compose.yml'), { merge: true })
  const [{ names, port }] = ours.dns_sd_configs
  for (const name of names)
    expect(compose.services[name].environment.WECOM_MEDIA_ADMIN_PORT, name).toBe(String(port))
})
