/** deploy/prometheus by promtool, and a real Prometheus that scrapes real workers while one of them dies. Listed as not run without them. */

import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { jobs } from '../../src/queues/jobs.ts'
import { queries } from '../support/dashboards.ts'
import { deploy } from '../support/deployment.ts'
import { seriesOf } from '../support/metrics.ts'
import type { NodeProcess } from '../support/processes.ts'
import { deployDir, hasPrometheus, hasPromtool, promtool, startPrometheus } from '../support/prometheus.ts'
import { tempDir } from '../support/temp.ts'
import { until } from '../support/until.ts'

const filesIn = (folder: string): string[] =>
  readdirSync(join(deployDir, folder)).map(name => join(deployDir, folder, name))
const urlOf = (worker: NodeProcess): string => JSON.parse(worker.stdout().split('\n')[0] ?? '{}').url

test.runIf(hasPromtool)('promtool is content with configuration, rules and their tests', async () => {
  await promtool(['check', 'config', '--syntax-only', join(deployDir, 'prometheus/prometheus.yml')])
  await promtool(['check', 'rules', ...filesIn('prometheus/rules')])
  await promtool(['test', 'rules', ...filesIn('prometheus/tests')])
})

test.runIf(hasPromtool)('promtool reads every query of the dashboards', async () => {
  const rules = queries.map(({ expr }, n) => ({ record: `query_${n}`, expr }))
  expect(rules.length).toBeGreaterThan(50)
  const file = join(await tempDir(), 'queries.yml')
  await writeFile(file, stringify({ groups: [{ name: 'dashboards', rules }] }))
  await promtool(['check', 'rules', file])
})

test.runIf(hasPromtool)('promtool is content with what a worker says of itself', async () => {
  const { startWorker, producer, put } = await deploy()
  const worker = await startWorker()
  const source = { path: await put('a.txt', 'six bytes') }
  await producer.result(await producer.upload({ type: 'file', source }), { timeoutMs: 10_000 })
  const page = await (await fetch(`${urlOf(worker)}/metrics`)).text()
  await promtool(['check', 'metrics'], page)
})

test.runIf(hasPrometheus)(
  'two workers are scraped: depth is not doubled, jobs are added up, and alerts come when they should',
  async () => {
    const it = await deploy()
    const workers = [await it.startWorker(), await it.startWorker()]
    const prometheus = await startPrometheus(workers.map(worker => new URL(urlOf(worker)).host))
    const value = async (expr: string) => (await prometheus.query(expr))[0]?.value
    await until('both are scraped', async () => (await value('sum(up{job="wecom-media"})')) === 2)

    // Jobs of both workers.
    const source = { path: await it.put('a.txt', 'six bytes') }
    const upload = (name: string) => it.producer.upload({ type: 'file', source, name, reuse: 'never' })
    const all = await Promise.all(Array.from({ length: 60 }, (_, n) => upload(`${n}.txt`)))
    await Promise.all(all.map(job => it.producer.result(job, { timeoutMs: 30_000 })))
    const lost = await it.producer.download({ mediaId: 'nobody-knows-it' })
    await it.producer.result(lost, { timeoutMs: 30_000 }).catch(() => undefined)
    const done = 'sum(wecom_media_jobs_total{job_name="media.upload",outcome="done"})'
    await until('all jobs are counted', async () => (await value(done)) === all.length, { withinMs: 30_000 })
    expect(await value('sum(wecom_media_calls_total{method="media/upload",errcode="0"})')).toBe(
      it.simulator.count({ method: 'media/upload' }),
    )
    expect(await value('sum(wecom_media_jobs_total{outcome="failed",kind="gone"})')).toBe(1)

    // A backlog that both read from the same Redis.
    const shown = 'wecom_media:queue_jobs:max{queue="upload",state="completed"}'
    await until('depth', async () => (await value(shown)) === all.length, { withinMs: 30_000 })
    expect(await value('count(wecom_media_queue_jobs{queue="upload",state="completed"})')).toBe(2)
    expect(await value('wecom_media:workers_connected:max{queue="upload"}')).toBe(2)

    // One dies: it is down, the other goes on, and the depth stays what it is.
    workers[0]?.signal('SIGKILL')
    await until('one is down', async () => (await value('sum(up{job="wecom-media"})')) === 1)
    await until(
      'the other counts it',
      async () => (await value('wecom_media:workers_connected:max{queue="upload"}')) === 1,
      { withinMs: 60_000 },
    )
    expect(await value(shown)).toBe(all.length)
    await until('an alert', async () => (await alertsNow()).has('WecomMediaScrapeDown pending'))

    // An address that is not trusted.
    it.simulator.faults.add({ method: 'media/upload', do: 'errcode', errcode: 60020 })
    await upload('late.txt')
    await until('another', async () => (await alertsNow()).has('WecomMediaAppNotTrusted pending'), {
      withinMs: 30_000,
    })
    expect([...(await alertsNow())].filter(name => name.endsWith('firing'))).toEqual([])

    async function alertsNow(): Promise<Set<string>> {
      const found = await prometheus.query('ALERTS')
      return new Set(found.map(({ labels }) => `${labels['alertname']} ${labels['alertstate']}`))
    }
  },
)

test.runIf(hasPrometheus)(
  'what Prometheus stores is what the worker said, with no label of ours lost',
  async () => {
    const it = await deploy()
    const worker = await it.startWorker()
    const { host } = new URL(urlOf(worker))
    const prometheus = await startPrometheus([host])
    await until('it is scraped', async () => (await prometheus.query('up == 1')).length === 1)
    const said = seriesOf(await (await fetch(`${urlOf(worker)}/metrics`)).text())
    const counters = await prometheus.query('wecom_media_jobs_total')
    const ours = [...said.keys()].filter(name => name.startsWith('wecom_media_jobs_total'))
    expect(counters).toHaveLength(ours.length)
    expect(new Set(counters.map(({ labels }) => labels['job_name']))).toEqual(new Set(Object.keys(jobs)))
    expect(counters.every(({ labels }) => labels['exported_job'] === undefined)).toBe(true)
  },
)
