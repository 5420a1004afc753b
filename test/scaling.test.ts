/** The figures of docs/scaling.md are those that bench/scaling.ts measured, and what follows from them. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { retentionMs } from '../src/record/settle.ts'

const home = join(import.meta.dirname, '..')
const read = (name: string): Promise<string> => readFile(join(home, name), 'utf8')

interface Added {
  readonly workers: number
  readonly answerMs: number
  readonly jobsPerSecond: number
}

type Asked = { readonly kind: string } & Record<
  'scriptsPerJob' | 'commandsPerJob' | 'redisCpuMsPerJob' | 'recordBytes' | 'queueBytes' | 'ledgerBytes',
  number
>

const { added, asked } = JSON.parse(await read('bench/results/scaling.json')) as {
  readonly added: readonly Added[]
  readonly asked: readonly Asked[]
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`

test.each(['docs/scaling.md', 'docs/scaling.zh-CN.md'])('%s shows what was measured', async page => {
  const text = await read(page)
  const rateOf = (workers: number, answerMs: number) =>
    whole(added.find(one => one.workers === workers && one.answerMs === answerMs)?.jobsPerSecond ?? 0)
  for (const workers of [1, 2, 4])
    expect(text).toContain(row(workers, rateOf(workers, 0), rateOf(workers, 100)))
  for (const { kind, scriptsPerJob, commandsPerJob, redisCpuMsPerJob, ...kept } of asked) {
    const cpu = redisCpuMsPerJob.toFixed(1)
    expect(text).toContain(row(kind, scriptsPerJob.toFixed(1), whole(commandsPerJob), cpu))
    expect(text).toContain(
      row(kind, whole(kept.recordBytes), whole(kept.queueBytes), whole(kept.ledgerBytes)),
    )
  }
})

test.each([
  'docs/scaling.md',
  'docs/scaling.zh-CN.md',
])('what %s says of memory follows from it', async page => {
  const text = await read(page)
  const upload = asked.find(({ kind }) => kind === 'upload') as Asked
  const perDay = 100_000
  const records = (perDay * (retentionMs / 86_400_000) * upload.recordBytes) / 1e9
  const ledger = (perDay * 3 * upload.ledgerBytes) / 1e9
  const backlog = (upload.recordBytes + upload.queueBytes) / 1_000
  for (const said of [`${records.toFixed(1)} GB`, `${ledger.toFixed(1)} GB`, `${backlog.toFixed(1)} KB`])
    expect(text).toContain(said)
})
