/** The benchmark runs, in its smallest size: every row has figures. What they are is not looked at here. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Row } from '../../bench/rows.ts'
import { tempDir } from '../support/temp.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, '../../bench/index.ts')
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

async function measured(lines: readonly string[]): Promise<void> {
  const json = join(await tempDir(), 'tiny.json')
  await run(process.execPath, [script, '--tiny', '--only', lines.join(','), '--json', json])
  const { rows } = JSON.parse(await readFile(json, 'utf8')) as { rows: Row[] }
  expect([...new Set(rows.map(({ line }) => line))].sort()).toEqual(lines.toSorted())
  for (const { ours, other, ratio } of rows) expect(Math.min(ours, other, ratio)).toBeGreaterThan(0)
}

test('the lines against a bare worker have their figures', () =>
  measured(['overhead', 'reuse', 'start', 'wait']))

test.runIf(hasCurl)('the line against curl has its figures', () => measured(['transfer']))

test('a line that there is not is refused by name', async () => {
  const ended = await run(process.execPath, [script, '--only', 'speed']).catch(error => error)
  expect(ended.code).toBe(2)
  expect(ended.stderr).toContain('no line is called speed')
})
