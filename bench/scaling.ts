/**
 * How workers add up, and what a job asks of Redis. The figures of docs/scaling.md.
 *
 *   node bench/scaling.ts [--json FILE]
 *
 * Workers, Redis, the stub platform and this process share the machine's cores, so with a platform that answers at once
 * nothing but the CPU is measured; one that takes its time, as the real one does, shows what waiting workers add up to.
 */

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { namespaceOf } from '../src/namespace.ts'
import { Simulator } from '../src/simulator/index.ts'
import { median } from './rows.ts'
import { each, openStage, redisWork, type Stage } from './stage.ts'

const { values } = parseArgs({ options: { json: { type: 'string' } } })

interface Added {
  readonly workers: number
  readonly answerMs: number
  readonly jobsPerSecond: number
  readonly runs: readonly number[]
}

const rounds = 3
const counts = [1, 2, 4] as const

/** Jobs a second with so many workers, the counts in turn, from the first fifth of the arrivals to the last one. */
async function addUp(stage: Stage, answerMs: number, jobs: number): Promise<Added[]> {
  const pathOf = await stage.files(jobs, 4_096)
  const runs = new Map<number, number[]>(counts.map(count => [count, []]))
  for (let round = 0; round < rounds; round++)
    for (const count of counts) {
      await stage.ourQueue.pause()
      const workers = await Promise.all(Array.from({ length: count }, () => stage.startOurs()))
      await stage.stub.ask('reset', { answerMs })
      await each(jobs, 64, n =>
        stage.producer.upload({
          type: 'file',
          source: { path: pathOf(n) },
          name: `${n}.bin`,
          reuse: 'never',
        }),
      )
      await stage.ourQueue.resume()
      await stage.stub.ask('awaited', jobs)
      while ((await stage.ourQueue.getActiveCount()) > 0) await new Promise(resolve => setTimeout(resolve, 5))
      const arrivals = await stage.stub.ask<{ atMs: number }[]>('arrivals')
      const from = Math.floor(jobs / 5)
      const ms = (arrivals.at(-1)?.atMs ?? 0) - (arrivals[from]?.atMs ?? 0)
      runs.get(count)?.push(((jobs - from - 1) / ms) * 1_000)
      await Promise.all(workers.map(worker => worker.stop()))
    }
  return counts.map(workers => {
    const all = runs.get(workers) ?? []
    return { workers, answerMs, jobsPerSecond: median(all), runs: all }
  })
}

interface Asked {
  readonly kind: string
  /** What goes to Redis and back: scripts, and commands outside of them. */
  readonly scriptsPerJob: number
  /** With those inside of scripts. */
  readonly commandsPerJob: number
  readonly redisCpuMsPerJob: number
  /** MEMORY USAGE of a finished job: its record, what BullMQ keeps of it, and its entry in the ledger. */
  readonly recordBytes: number
  readonly queueBytes: number
  readonly ledgerBytes: number
}

const png = (): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(600)])

/** Jobs of every kind, one kind after the other, against the simulator. */
async function askOfRedis(stage: Stage, jobs: number): Promise<Asked[]> {
  const simulator = await new Simulator({
    apps: [{ corpId: 'ww_bench', secret: 'bench-secret-of-no-value' }],
  }).start()
  const { createProducer } = await import('../src/index.ts')
  const producer = createProducer({ redis: stage.redis, baseUrl: simulator.baseUrl })
  const worker = await stage.startOurs({ WECOM_BASE_URL: simulator.baseUrl, WECOM_MEDIA_LIMITS: '' })
  const put = async (name: string, content: Buffer | string) => {
    await writeFile(join(stage.folder, name), content)
    return { path: join(stage.folder, name) }
  }
  const kinds: Record<string, (n: number) => Promise<{ id: string }>> = {
    upload: async n => producer.upload({ type: 'file', source: await put(`u${n}.bin`, randomBytes(4_096)) }),
    download: async n => {
      const { mediaId } = await simulator.addMedia({ sizeBytes: 4_096, name: `${n}.bin` })
      return producer.download({ mediaId })
    },
    image: async n => producer.uploadImage({ source: await put(`i${n}.png`, png()) }),
    'article of 2 images': async n => {
      for (const part of [0, 1]) await put(`a${n}-${part}.png`, png())
      const html = `<img src="a${n}-0.png"><img src="a${n}-1.png">`
      return producer.article({ source: await put(`a${n}.html`, html) })
    },
  }
  const namespace = namespaceOf(simulator.baseUrl)
  const asked: Asked[] = []
  for (const [kind, ask] of Object.entries(kinds)) {
    await stage.redis.config('RESETSTAT')
    const before = await redisWork(stage.redis)
    const ledgerBefore = await bytesOf(stage, `${namespace}:ledger:*`)
    const ids: string[] = []
    for (let n = 0; n < jobs; n++) ids.push((await ask(n)).id)
    await Promise.all(ids.map(id => producer.result(id)))
    const { calls, cpuMs } = await redisWork(stage.redis)
    const { evalsha = 0, eval: plain = 0 } = calls
    const [recordBytes, queueBytes] = [
      await keptOf(
        stage,
        ids.map(id => `${namespace}:record:${id}`),
      ),
      await queueBytesOf(stage, namespace, ids),
    ]
    const ledgerBytes = (await bytesOf(stage, `${namespace}:ledger:*`)) - ledgerBefore
    asked.push({
      kind,
      scriptsPerJob: (evalsha + plain) / jobs,
      commandsPerJob: Object.values(calls).reduce((sum, count) => sum + count, 0) / jobs,
      redisCpuMsPerJob: (cpuMs - before.cpuMs) / jobs,
      recordBytes: recordBytes / jobs,
      queueBytes: queueBytes / jobs,
      ledgerBytes: ledgerBytes / jobs,
    })
  }
  await worker.stop()
  await producer.close()
  await simulator.stop()
  return asked
}

async function keptOf({ redis }: Stage, keys: readonly string[]): Promise<number> {
  const sizes = await Promise.all(keys.map(key => redis.memory('USAGE', key)))
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
}

async function bytesOf(stage: Stage, pattern: string): Promise<number> {
  return keptOf(stage, await stage.redis.keys(pattern))
}

async function queueBytesOf(stage: Stage, namespace: string, ids: readonly string[]): Promise<number> {
  const keys = await stage.redis.keys(`${namespace}:*`)
  const of = new Set(ids)
  return keptOf(
    stage,
    keys.filter(
      key =>
        !key.includes(':record:') &&
        !key.includes(':ledger:') &&
        of.has(key.split(':').find(part => of.has(part)) ?? ''),
    ),
  )
}

const stage = await openStage()
const added = [...(await addUp(stage, 0, 1_500)), ...(await addUp(stage, 100, 1_500))]
const asked = await askOfRedis(stage, 300)
await stage.stop()
for (const { workers, answerMs, jobsPerSecond } of added)
  process.stdout.write(
    `${workers} worker(s), the platform answers after ${answerMs} ms: ${jobsPerSecond.toFixed(0)} uploads/s\n`,
  )
for (const { kind, ...figures } of asked)
  process.stdout.write(
    `${kind}: ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value.toFixed(2)}`)
      .join(', ')}\n`,
  )
if (values.json) {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? ''}`
  await writeFile(
    values.json,
    `${JSON.stringify({ atMs: Date.now(), node: process.version, machine, added, asked }, null, 2)}\n`,
  )
}
process.exit(0)
