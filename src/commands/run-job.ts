/** One job of a command: put on the queue, or run in this very process, and waited for as its flags say. */

import type { Config } from '../config.ts'
import type { JobName, Result } from '../queues/jobs.ts'
import type { EnqueueOptions, Job, Producer } from '../queues/producer.ts'
import { asUsage, printResult } from './exit.ts'
import { follow } from './follow.ts'
import type { JobFlags } from './job-flags.ts'
import { withSession } from './session.ts'

type Enqueue<N extends JobName> = (producer: Producer, options: EnqueueOptions) => Promise<Job<N>>

/** The job's result. Undefined when nobody waits for it: then its id is printed. */
export async function runJob<N extends JobName>(
  config: Config,
  { here, key, timeout: timeoutMs, wait }: JobFlags,
  enqueue: Enqueue<N>,
): Promise<Result<N> | undefined> {
  const { job, result } = await withSession(config, here === true, async ({ producer, signal }) => {
    const job = await asUsage(() => enqueue(producer, key === undefined ? {} : { key }))
    const result = wait
      ? await follow(producer, job, { timeoutMs, signal, isHere: here === true })
      : undefined
    return { job, result }
  })
  if (!result) printResult({ id: job.id, name: job.name }, [['job', job.id]])
  return result
}
