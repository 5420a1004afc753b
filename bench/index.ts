/**
 * What is claimed about speed, measured: each line against something else in the same run, median of five alternating runs.
 *
 *   npm run bench                        every line but limits, small, under two minutes
 *   npm run bench -- --long              the whole table, and bench/limits.ts
 *   npm run bench -- --only wait,reuse   some lines      --json FILE   where the figures go
 */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { overhead } from './overhead.ts'
import { reuse } from './reuse.ts'
import { lineOf, type Row } from './rows.ts'
import { type SizeName, sizes } from './sizes.ts'
import { start } from './start.ts'
import { transfer } from './transfer.ts'
import { wait } from './wait.ts'

const lines = { overhead, wait, transfer, reuse, start } as const
type Line = keyof typeof lines

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
  },
})
const size: SizeName = values.long ? 'long' : values.tiny ? 'tiny' : 'short'
const wanted = (values.only?.split(',') ?? [
  ...Object.keys(lines),
  ...(values.long ? ['limits'] : []),
]) as Line[]
const unknown = wanted.filter(name => !Object.hasOwn(lines, name) && (name as string) !== 'limits')
if (unknown.length > 0) {
  process.stderr.write(
    `no line is called ${unknown.join(', ')}: choose of ${Object.keys(lines).join(', ')}, limits\n`,
  )
  process.exit(2)
}

const rows: Row[] = []
for (const name of wanted.filter(name => Object.hasOwn(lines, name))) {
  const measure = lines[name] as (size: never) => Promise<Row[]>
  for (const row of await measure(sizes[size][name] as never)) {
    rows.push(row)
    process.stdout.write(`${lineOf(row)}\n`)
  }
}
if (values.json) {
  const facts = {
    ...{ size, atMs: Date.now(), node: process.version },
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? ''}`,
  }
  await writeFile(values.json, `${JSON.stringify({ ...facts, rows }, null, 2)}\n`)
}
if ((wanted as string[]).includes('limits')) {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'limits.ts')])
  process.stdout.write(stdout)
}
