/** C02: the chaos run at the size and with the seed of the environment; `npm run chaos -- --seed 7 --jobs 2000` sets it. */

import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ownRedis } from '../support/redis.ts'
import { broken, tableOf } from './report.ts'
import { soak } from './soak.ts'

const asked = JSON.parse(process.env['CHAOS'] ?? '{}')
const size = { seed: 1, jobs: 2_000, workers: 4, concurrency: 4, blows: 24, ...asked }

test.runIf(ownRedis)(`C02 chaos of seed ${size.seed}`, async () => {
  const report = await soak(size)
  process.stdout.write(tableOf(report))
  if (asked.json) await writeFile(asked.json, `${JSON.stringify(report, null, 2)}\n`)
  expect(broken(report)).toEqual([])
})
