/** C01: a small chaos run with a seed of its own each day, so that it looks at other orders of events: one blow of each kind, while there is work. */

import { expect, test } from 'vitest'
import { broken, tableOf } from '../chaos/report.ts'
import { soak } from '../chaos/soak.ts'
import { ownRedis } from '../support/redis.ts'

const seed = Math.floor(Date.now() / 86_400_000)

test.runIf(ownRedis)(`C01 small chaos of seed ${seed}`, async () => {
  const report = await soak({ seed, jobs: 600, workers: 3, concurrency: 2, blows: 6 })
  process.stdout.write(tableOf(report))
  expect(broken(report)).toEqual([])
})
