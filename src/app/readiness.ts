/**
 * Whether this process can do its work now: Redis answers, and every queue is consumed, which is more than a process that
 * runs. Not ready before all is open, and not ready from the moment it stops, so that nobody sends work to a leaving one.
 */

import { type Clock, endsWithin, keepDoing } from '../clock.ts'
import type { QueueWorker } from '../processors/worker.ts'
import type { Admin } from '../queues/admin.ts'
import type { QueueName } from '../queues/jobs.ts'
import type { Connection } from '../redis/connection.ts'

export interface ReadinessParts {
  readonly redis: Pick<Connection, 'status' | 'exists'>
  /** Where our keys live: in a cluster it is the node of our slot that must answer. */
  readonly namespace: string
  readonly admin: Pick<Admin, 'depths' | 'isPaused'>
  /** Filled while the process starts; none in one that only listens. */
  readonly workers: readonly Pick<QueueWorker, 'queue' | 'taking'>[]
  readonly clock: Clock
}

export interface Readiness {
  /** The text names what is missing. */
  ready(): Promise<{ readonly ok: boolean; readonly text: string }>
  /** All is open: the answer depends on Redis and the queues from now on. */
  begin(): void
  /** The answer is no from now on. */
  end(): void
}

/** What Redis may take to answer, ms. */
const answerMs = 500
/** Jobs that wait for so long beside a worker with room that takes none: something is stuck, ms. BullMQ looks again after 5 to 10 s. */
const stuckMs = 30_000
const lookEveryMs = 5_000

export function createReadiness({ redis, namespace, admin, workers, clock }: ReadinessParts): Readiness {
  let stage: 'starting' | 'open' | 'stopping' = 'starting'
  const over = new AbortController()
  const stuck = stuckQueues({ admin, workers, clock })
  const answers = answerOf(redis, `${namespace}:ready`, clock)
  return {
    async ready() {
      if (stage !== 'open') return { ok: false, text: stage }
      const missing = [...(await answers()), ...workers.flatMap(stopped), ...stuck.now()]
      return missing.length === 0 ? { ok: true, text: 'ready' } : { ok: false, text: missing.join('\n') }
    },
    begin() {
      stage = 'open'
      void stuck.keepLooking(over.signal)
    },
    end() {
      stage = 'stopping'
      over.abort()
    },
  }
}

const stopped = ({ queue, taking }: ReadinessParts['workers'][number]): string[] => {
  const { stoppedBy } = taking()
  return stoppedBy === undefined ? [] : [`queue ${queue}: ${stoppedBy}`]
}

/** A question at a time: probes must not pile up on a link that is dead. */
function answerOf(redis: ReadinessParts['redis'], key: string, clock: Clock): () => Promise<string[]> {
  let asked: Promise<boolean> | undefined
  const ask = (): Promise<boolean> => {
    asked ??= redis
      .exists(key)
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        asked = undefined
      })
    return asked
  }
  return async () => {
    if (redis.status !== 'ready') return [`Redis: ${redis.status}`]
    const answer = ask()
    if (!(await endsWithin(answer, answerMs, clock))) return [`Redis: no answer within ${answerMs} ms`]
    return (await answer) ? [] : ['Redis: refuses to answer']
  }
}

/** Since when jobs of a queue wait although a worker here could take them; looked at in the background, so that a probe costs nothing. */
function stuckQueues({ admin, workers, clock }: Omit<ReadinessParts, 'redis' | 'namespace'>) {
  const sinceMs = new Map<QueueName, number>()
  const look = async (): Promise<void> => {
    const depths = await admin.depths()
    for (const { queue, taking } of workers) {
      const waits = depths.some(
        depth => depth.queue === queue && depth.jobs > 0 && /^(waiting|prioritized)$/.test(depth.state),
      )
      const { isFull, takenAtMs } = taking()
      // A queue that an operator has paused is not stuck.
      if (!waits || isFull || (await admin.isPaused(queue))) sinceMs.delete(queue)
      else sinceMs.set(queue, Math.max(sinceMs.get(queue) ?? clock.monotonicMs(), takenAtMs))
    }
  }
  return {
    now: (): string[] =>
      [...sinceMs]
        .map(([queue, since]) => ({ queue, ms: clock.monotonicMs() - since }))
        .filter(({ ms }) => ms >= stuckMs)
        .map(
          ({ queue, ms }) => `queue ${queue}: jobs wait, and none was taken for ${Math.round(ms / 1000)} s`,
        ),
    async keepLooking(signal: AbortSignal): Promise<void> {
      // Without Redis the answer is no already.
      const onError = (): void => sinceMs.clear()
      if (workers.length > 0) await keepDoing(look, { clock, everyMs: lookEveryMs, onError }, signal)
    },
  }
}
