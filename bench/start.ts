/** start: from starting `serve` to its being ready, and to the end of a job that was waiting for it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inTurn, median, type Row, rowOf } from './rows.ts'
import { openStage, type Stage } from './stage.ts'

export interface Size {
  readonly rounds: number
}

export async function start({ rounds }: Size): Promise<Row[]> {
  const stage = await openStage()
  try {
    const path = (await stage.files(1, 4_096))(0)
    const firstJobs: number[] = []
    const ours = async (): Promise<number> => {
      const { id } = await stage.producer.upload({ type: 'file', source: { path }, reuse: 'never' })
      const startMs = performance.now()
      const child = spawn(process.execPath, [join(import.meta.dirname, '../bin/wecom-media.js'), 'serve'], {
        env: { ...process.env, ...stage.env, LOG_LEVEL: 'info', WECOM_MEDIA_ADMIN_PORT: '0' },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const readyMs = ready(child).then(() => performance.now() - startMs)
      await stage.producer.result(id, { timeoutMs: 30_000 })
      firstJobs.push(performance.now() - startMs)
      const ms = await readyMs
      await ended(child)
      return ms
    }
    const runs = await inTurn(rounds, ours, () => bareMs(stage))
    const named = { key: 'start', line: 'start', unit: 'ms' } as const
    const what = '`serve` from its start to ready'
    const row = rowOf({ ...named, what, against: 'a bare BullMQ worker to ready' }, runs)
    return [{ ...row, more: { firstJobMs: median(firstJobs.slice(1)) } }]
  } finally {
    await stage.stop()
  }
}

async function bareMs(stage: Stage): Promise<number> {
  const startMs = performance.now()
  const bare = await stage.startBare()
  const ms = performance.now() - startMs
  await bare.stop()
  return ms
}

async function ready(child: ChildProcess): Promise<void> {
  if (!child.stderr) throw new Error('serve has no stderr')
  for await (const line of createInterface(child.stderr)) if (line.includes('"msg":"ready"')) return
  throw new Error('serve ended before it was ready')
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
