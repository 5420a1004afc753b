/** `npm run chaos -- [--seed N] [--jobs N] [--workers N] [--blows N] [--json FILE]`: one seed, or a new one each time. */

import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const names = ['seed', 'jobs', 'workers', 'concurrency', 'blows'] as const
const { values } = parseArgs({
  options: {
    ...Object.fromEntries(names.map(name => [name, { type: 'string' }] as const)),
    json: { type: 'string' },
  },
})
const given = values as Partial<Record<(typeof names)[number] | 'json', string>>
const numbers = names.flatMap(name =>
  given[name] === undefined ? [] : [[name, Number(given[name])] as const],
)
const wrong = numbers.find(([, value]) => !Number.isInteger(value) || value < 1)
if (wrong) {
  process.stderr.write(`--${wrong[0]} must be a whole number, at least 1\n`)
  process.exit(2)
}
const json = given.json === undefined ? {} : { json: resolve(given.json) }
const size = { seed: randomInt(1, 1_000_000), ...Object.fromEntries(numbers), ...json }
process.stderr.write(`seed ${size.seed}\n`)
const env = { ...process.env, CHAOS: JSON.stringify(size) }
const child = spawn('npx', ['vitest', 'run', '--project', 'chaos'], { stdio: 'inherit', env })
child.once('exit', code => process.exit(code ?? 1))
