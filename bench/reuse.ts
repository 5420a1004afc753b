/** reuse: what the ledger saves when nine of ten uploads are repeats, and how long an answer without a call takes. */

import { inTurn, median, type Row, rowOf } from './rows.ts'
import { each, openStage } from './stage.ts'

export interface Size {
  readonly rounds: number
  readonly jobs: number
}

const sizeBytes = 64 * 1_024

export async function reuse({ rounds, jobs }: Size): Promise<Row[]> {
  const stage = await openStage()
  try {
    const distinct = Math.ceil(jobs / 10)
    const pathOf = await stage.files((rounds + 3) * distinct, sizeBytes)
    await stage.startOurs()
    const { producer, ourQueue, stub } = stage
    const upload = (path: string, mode: 'allow' | 'never') =>
      producer.upload({ type: 'file', source: { path }, reuse: mode })
    let calls = 0
    let used = 0
    const batch = async (mode: 'allow' | 'never'): Promise<number> => {
      const first = mode === 'allow' ? ++used * distinct : 0
      await stub.ask('reset')
      await ourQueue.pause()
      const ids: string[] = []
      await each(jobs, 64, async n => {
        ids.push((await upload(pathOf(first + (n % distinct)), mode)).id)
      })
      const startMs = performance.now()
      const ended = Promise.all(ids.map(id => producer.result(id, { timeoutMs: 60_000 })))
      await ourQueue.resume()
      await ended
      if (mode === 'allow') calls = (await stub.ask<Record<string, number>>('calls'))['media/upload'] ?? 0
      return (jobs / (performance.now() - startMs)) * 1_000
    }
    const runs = await inTurn(
      rounds,
      () => batch('allow'),
      () => batch('never'),
    )
    const one = async (path: string): Promise<number> => {
      const startMs = performance.now()
      await producer.result((await upload(path, 'allow')).id)
      return performance.now() - startMs
    }
    const latencies = async (path: (n: number) => string) => {
      const all: number[] = []
      for (let n = 0; n < distinct; n += 1) all.push(await one(path(n)))
      return median(all)
    }
    // The first files were uploaded with reuse off, and their results are known all the same.
    const hitMs = await latencies(pathOf)
    const missMs = await latencies(n => pathOf((rounds + 2) * distinct + n))
    const row = rowOf(
      {
        ...{ key: 'reuse', line: 'reuse', unit: 'jobs/s' },
        what: 'uploads of 64 KiB, nine of ten are repeats',
        against: 'the same jobs with reuse off',
      },
      runs,
    )
    return [{ ...row, more: { callsSaved: 1 - calls / jobs, hitMs, missMs } }]
  } finally {
    await stage.stop()
  }
}
