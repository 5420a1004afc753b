/**
 * How old the oldest jobs of each queue are, and whether the queue is paused. Reads BullMQ's own keys, one script for
 * all queues: its API has no age of a waiting job and no due time of a delayed one. test/queues/ages.test.ts holds
 * the layout against BullMQ itself.
 */

import type { Connection } from '../redis/connection.ts'
import { type Reply, script } from '../script.ts'
import { priorities } from './add.ts'
import { type QueueName, queueNames } from './jobs.ts'

/** `waiting`: it could run. `overdue`: it is delayed and should have woken. `failed`: since it failed. */
export const ageStates = ['waiting', 'overdue', 'active', 'failed'] as const

export interface QueueAges {
  readonly queue: QueueName
  readonly isPaused: boolean
  /** Of the oldest job in each state, ms; 0 without one. */
  readonly oldestMs: Readonly<Record<(typeof ageStates)[number], number>>
}

/*
 * KEYS per queue: wait, prioritized, delayed, active, failed, meta. ARGV 1 how many priorities, then those, then per
 * queue what stands before a job's id.
 * Answers {now ms, then per queue {paused, due of the first delayed in ms or '', failure of the first failed in ms or
 * '', start of the first active or '', then per job that is next at its priority: timestamp, start, progress}}.
 */
const read = script(`
local t = redis.call('TIME')
local ranks = tonumber(ARGV[1])
local function first(key) return redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or '' end
local function facts(answer, job)
  local found = redis.call('HMGET', job, 'timestamp', 'processedOn', 'progress')
  for i = 1, 3 do answer[#answer + 1] = found[i] or '' end
end
local all = {t[1] * 1000 + math.floor(t[2] / 1000)}
for n = 0, #KEYS / 6 - 1 do
  local key, before = n * 6, ARGV[2 + ranks + n]
  local wait, prioritized, delayed, active, failed, meta = unpack(KEYS, key + 1, key + 6)
  local running = redis.call('LINDEX', active, -1)
  local answer = {redis.call('HEXISTS', meta, 'paused'), first(delayed), first(failed),
    running and redis.call('HGET', before .. running, 'processedOn') or ''}
  local woken = redis.call('LINDEX', wait, -1)
  if woken then facts(answer, before .. woken) end
  for rank = 1, ranks do
    local from = ARGV[1 + rank] * 4294967296
    local next = redis.call('ZRANGEBYSCORE', prioritized, from, '(' .. from + 4294967296, 'LIMIT', 0, 1)[1]
    if next then facts(answer, before .. next) end
  end
  all[#all + 1] = answer
end
return all
`)

const parts = ['wait', 'prioritized', 'delayed', 'active', 'failed', 'meta']
const ranks = Object.values(priorities)

export async function readAges(redis: Connection, namespace: string): Promise<readonly QueueAges[]> {
  const before = queueNames.map(queue => `${namespace}:${queue}:`)
  const keys = before.flatMap(base => parts.map(part => base + part))
  const [now, ...answers] = await read(redis, keys, [ranks.length, ...ranks, ...before])
  return queueNames.map((queue, n) => agesOf(queue, Number(now), (answers[n] ?? []) as Reply[]))
}

/** BullMQ keeps a delayed job by its due time in ms × 4096, so that equal times have an order. */
const dueStep = 4_096

function agesOf(queue: QueueName, nowMs: number, [paused, due, failed, active, ...next]: Reply[]): QueueAges {
  const since = (ms: Reply | undefined): number => (ms ? Math.max(0, nowMs - Number(ms)) : 0)
  const waiting: number[] = []
  for (let at = 0; at < next.length; at += 3) waiting.push(since(couldRunAt(next.slice(at, at + 3))))
  return {
    queue,
    isPaused: paused === 1,
    oldestMs: {
      waiting: Math.max(0, ...waiting),
      overdue: since(due && Number(due) / dueStep),
      active: since(active),
      failed: since(failed),
    },
  }
}

/** A job that slept for its quota is not old when it wakes: what counts is since when it could have run. */
function couldRunAt([addedMs, startedMs, progress]: Reply[]): number {
  return Math.max(Number(addedMs), Number(startedMs), wakeMsIn(String(progress)))
}

/** `run.ts` writes down until when a job waits. Whatever else stands there is not ours. */
function wakeMsIn(progress: string): number {
  try {
    const { waitUntilMs } = JSON.parse(progress)
    return typeof waitUntilMs === 'number' ? waitUntilMs : 0
  } catch {
    return 0
  }
}
