/** `wecom-media drain`: the whole fleet takes no more jobs, and the command waits until none runs; `--resume` goes on. */

import { type Command, Option } from 'commander'
import { systemClock } from '../clock.ts'
import { type QueueName, queueNames } from '../queues/jobs.ts'
import { CommandError, printResult, say } from './exit.ts'
import { type Fleet, withFleet } from './fleet.ts'
import { parseDuration } from './follow.ts'
import { explain, type JsonFlag, jsonOption } from './help.ts'
import { oneOf } from './jobs/filter.ts'

interface DrainFlags extends JsonFlag {
  readonly queue?: readonly QueueName[]
  readonly timeout?: number
  readonly resume?: true
}

export const drain = (program: Command): void => {
  const command = program
    .command('drain')
    .description('stop taking jobs in the whole fleet, and wait until none runs')
    .option('--queue <queues>', `of these queues only: ${queueNames.join(', ')}`, oneOf(queueNames, 'queue'))
    .addOption(
      new Option('--timeout <duration>', 'wait no longer, e.g. 30s, 10m; default: until none runs').argParser(
        parseDuration,
      ),
    )
    .option('--resume', 'go on taking jobs')
    .addOption(jsonOption())
    .action(run)
  explain(
    command,
    [
      'wecom-media drain --timeout 10m',
      'wecom-media drain --queue upload,image',
      'wecom-media drain --resume',
    ],
    ['REDIS_URL', 'WECOM_BASE_URL', 'WECOM_MEDIA_PREFIX'],
  )
}

async function run({ queue: queues = queueNames, timeout, resume, json }: DrainFlags): Promise<void> {
  if (resume && timeout !== undefined)
    throw new CommandError('usage', '--timeout is about waiting: leave it out with --resume')
  await withFleet(async fleet => {
    if (resume) {
      await Promise.all(queues.map(queue => fleet.admin.resume(queue)))
      return printResult({ resumed: queues }, [['taken again', queues.join(', ')]], json)
    }
    await Promise.all(queues.map(queue => fleet.admin.pause(queue)))
    say(`paused: ${queues.join(', ')}; "wecom-media drain --resume" goes on`)
    await untilIdle(fleet, queues, timeout)
    printResult({ paused: queues, running: 0 }, [['drained', queues.join(', ')]], json)
  })
}

const lookEveryMs = 500

/** A line for each change, so that a log of it can be read, too. */
async function untilIdle(
  { admin, signal }: Fleet,
  queues: readonly QueueName[],
  timeoutMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + timeoutMs
  for (let told = ''; ; ) {
    const depths = await admin.depths()
    const active = depths.filter(
      ({ queue, state, jobs }) => queues.includes(queue) && state === 'active' && jobs > 0,
    )
    if (active.length === 0) return
    const running = active.map(({ queue, jobs }) => `${queue} ${jobs}`).join(', ')
    if (running !== told) say(`still running: ${running}`)
    told = running
    if (systemClock.monotonicMs() >= endMs)
      throw new CommandError('unreachable', `not idle within --timeout: ${running}; the queues stay paused`)
    const leftMs = Math.max(1, endMs - systemClock.monotonicMs())
    await systemClock.sleep(Math.min(lookEveryMs, leftMs), signal).catch(() => {
      throw new CommandError('interrupted', 'interrupted; the queues stay paused')
    })
  }
}
