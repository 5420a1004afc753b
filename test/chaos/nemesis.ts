/** What is done to workers and to Redis, drawn from a seed: the same seed does the same things, though not at the same instants. */

import { setTimeout as delay } from 'node:timers/promises'
import type { NodeProcess } from '../support/processes.ts'
import type { OwnRedis } from '../support/redis.ts'

export type Act = 'kill' | 'stop' | 'freeze' | 'redis-kill' | 'redis-freeze' | 'redis-pause'

export interface Blow {
  readonly act: Act
  readonly fromMs: number
  readonly toMs: number
}

/** Of a hundred blows. */
const weights: Readonly<Record<Act, number>> = {
  kill: 50,
  stop: 15,
  freeze: 10,
  'redis-kill': 15,
  'redis-freeze': 5,
  'redis-pause': 5,
}

/** A small generator (mulberry32): good enough to choose, and the same everywhere. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** So many acts, of every kind one at least where there is room, in a drawn order. */
export function plan(seed: number, count: number): Act[] {
  const next = random(seed)
  const all = Object.keys(weights) as Act[]
  const bag = all.flatMap(act => Array.from({ length: weights[act] }, () => act))
  const drawn = Array.from(
    { length: Math.max(0, count - all.length) },
    () => bag[Math.floor(next() * bag.length)],
  )
  return [...all, ...drawn]
    .slice(0, count)
    .map(act => ({ act: act ?? 'kill', at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ act }) => act)
}

export interface Victims {
  readonly workers: NodeProcess[]
  readonly startWorker: () => Promise<NodeProcess>
  readonly redis: OwnRedis
  readonly lockMs: number
}

/** One act, until what it did is over. A killed worker is replaced, as its supervisor would. */
export async function strike(act: Act, victims: Victims, next: () => number): Promise<Blow> {
  const { workers, startWorker, redis, lockMs } = victims
  const fromMs = Date.now()
  const blow = (): Blow => ({ act, fromMs, toMs: Date.now() })
  const at = Math.floor(next() * workers.length)
  const worker = workers[at] as NodeProcess
  if (act === 'kill' || act === 'stop') {
    worker.signal(act === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await worker.ended
    const done = blow()
    workers[at] = await startWorker()
    return done
  }
  if (act === 'freeze') {
    worker.signal('SIGSTOP')
    await delay(lockMs * (1.5 + 1.5 * next()))
    worker.signal('SIGCONT')
  } else if (act === 'redis-kill') {
    await redis.kill()
    await delay(300 + 1_200 * next())
    await redis.restart()
  } else if (act === 'redis-freeze') {
    process.kill(redis.pid(), 'SIGSTOP')
    await delay(lockMs * 1.5)
    process.kill(redis.pid(), 'SIGCONT')
  } else await redis.pause(lockMs * 1.5).then(() => delay(lockMs * 1.5))
  return blow()
}
