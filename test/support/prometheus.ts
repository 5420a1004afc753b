/** Debian's Prometheus for tests that ask the real one. Those are listed as not run where it is missing. */

import { execFile, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { metricsTable } from '../../src/metrics/metrics.ts'
import { atEnd } from './at-end.ts'
import { freePort } from './free-port.ts'
import { tempDir } from './temp.ts'
import { until } from './until.ts'

const isThere = (command: string): boolean => spawnSync(command, ['--version']).status === 0
export const hasPromtool = isThere('promtool')
export const hasPrometheus = isThere('prometheus')

export const deployDir = join(import.meta.dirname, '../../deploy')
const rulesDir = join(deployDir, 'prometheus/rules')

export interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** Every rule of deploy/prometheus/rules. */
export const rules: readonly Rule[] = readdirSync(rulesDir).flatMap(file =>
  (parse(readFileSync(join(rulesDir, file), 'utf8')).groups as { rules: Rule[] }[]).flatMap(
    group => group.rules,
  ),
)

/** Names of series that an expression reads, labels and functions left out. */
export const namesIn = (expr: string): string[] => [
  ...new Set(
    expr
      .replace(/\{[^}]*\}|"[^"]*"|\[[^\]]*\]/g, '')
      .match(/\b(?:wecom_media[a-z0-9_:]*|nodejs_[a-z0-9_]+|process_[a-z0-9_]+|up)\b/g),
  ),
]

/** Names that exist: ours with the parts of histograms, prom-client's, the recorded ones, and Prometheus's own. */
export function knownNames(page: string): Set<string> {
  const histograms = Object.entries(metricsTable).filter(([, { type }]) => type === 'histogram')
  return new Set([
    ...Object.keys(metricsTable),
    ...histograms.flatMap(([name]) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
    ...[...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name),
    ...rules.flatMap(({ record }) => record ?? []),
    'up',
    'ALERTS',
  ])
}

/** What promtool says; rejects with it when it is not content. */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)('promtool', [...args], { maxBuffer: 2 ** 24 })
  running.child.stdin?.end(input)
  const { stdout, stderr } = await running.catch(error => {
    throw new Error(`promtool ${args.join(' ')}: ${error.stdout}${error.stderr}`)
  })
  return stdout + stderr
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus {
  query(expr: string): Promise<Sample[]>
}

/** Scrapes these addresses every second, with our rules. Ends with the test. */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const [folder, port] = [await tempDir(), await freePort()]
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(rulesDir, '*.yml')],
    scrape_configs: [{ job_name: 'wecom-media', static_configs: [{ targets }] }],
  }
  const file = join(folder, 'prometheus.yml')
  await writeFile(file, stringify(config))
  const address = `127.0.0.1:${port}`
  const flags = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=${address}`,
  ]
  const child = spawn('prometheus', flags, { stdio: 'ignore' })
  const ended = new Promise(resolve => child.once('exit', resolve))
  atEnd(() => {
    child.kill('SIGKILL')
    return ended
  })
  const ready = () =>
    fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until('Prometheus', ready, { withinMs: 30_000 })
  return { query: expr => ask(address, expr) }
}

async function ask(address: string, expr: string): Promise<Sample[]> {
  const response = await fetch(`http://${address}/api/v1/query?${new URLSearchParams({ query: expr })}`)
  const { data, error } = (await response.json()) as Answer
  if (!data) throw new Error(`${expr}: ${error}`)
  return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }))
}

interface Answer {
  readonly error?: string
  readonly data?: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[]
  }
}
