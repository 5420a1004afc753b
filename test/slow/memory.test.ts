/** Memory does not grow with the size of files: 64 uploads of 20 MB at once in a real worker. */

import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deploy } from '../support/deployment.ts'

const mib = 1024 * 1024

/** Peak resident memory of a process, MiB. */
const peakOf = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

test.each(['upload', 'download'] as const)('64 times 20 MB at once: %s', async direction => {
  const it = await deploy({ lockMs: 30_000 })
  const worker = await it.startWorker({ WECOM_MEDIA_CONCURRENCY: '64', LOG_LEVEL: 'warn' })
  const idleMiB = await peakOf(worker.pid)
  const run = async (sizeBytes: number): Promise<number> => {
    const source = { path: await it.put(`${sizeBytes}.bin`, Buffer.alloc(sizeBytes, 'memory')) }
    const media =
      direction === 'download'
        ? await Promise.all(
            Array.from({ length: 64 }, (_, seed) => it.simulator.addMedia({ sizeBytes, seed: seed + 1 })),
          )
        : []
    const jobs = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        direction === 'upload'
          ? it.producer.upload({ type: 'file', source, name: `${n}.bin` })
          : it.producer.download({ mediaId: media[n]?.mediaId ?? '' }),
      ),
    )
    const results = await Promise.all(jobs.map(({ id }) => it.producer.result(id, { timeoutMs: 120_000 })))
    expect(results).toHaveLength(64)
    return peakOf(worker.pid)
  }
  const smallMiB = await run(mib)
  const bigMiB = await run(20 * mib)
  process.stdout.write(
    `${direction}: idle ${idleMiB.toFixed(0)} MiB, 64 x 1 MiB ${smallMiB.toFixed(0)} MiB, 64 x 20 MiB ${bigMiB.toFixed(0)} MiB\n`,
  )
  // 1216 MiB more pass through; buffering them would show. The bound is room for a garbage collector that is in no hurry.
  expect(bigMiB - smallMiB).toBeLessThan(100)
})
