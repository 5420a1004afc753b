/** The flags that `upload` and `download` share. */

import { type Command, Option } from 'commander'
import { CommandError } from './exit.ts'
import { parseDuration } from './follow.ts'

export interface JobFlags {
  readonly app: string
  readonly key?: string
  readonly here?: true
  readonly wait: boolean
  readonly timeout?: number
}

export const withJobFlags = (command: Command): Command =>
  command
    .option('--here', 'run the job in this process; without REDIS_URL a Redis is started for it')
    .option('--no-wait', 'print the id of the job and end')
    .addOption(
      new Option(
        '--timeout <duration>',
        'wait no longer, e.g. 30s, 10m; default: until the end, with --here until it has failed for 20s',
      ).argParser(parseDuration),
    )
    .option('--key <key>', 'idempotency key: the same key is the same job')
    .option('--app <id>', 'the configured app', 'default')

/** Throws usage for flags that contradict each other. */
export function checkFlags({ here, wait, timeout, key }: JobFlags): void {
  const never = (what: string): never => {
    throw new CommandError('usage', what)
  }
  if (here && !wait) never('--no-wait needs workers that go on: leave out --here')
  if (here && key !== undefined) never('--key needs the Redis of the workers: leave out --here')
  if (timeout !== undefined && !wait) never('--timeout is about waiting: leave out --no-wait')
}

/** Of the commands that upload. */
export interface ReuseFlag {
  readonly reuse: boolean
}

export const withReuse = (command: Command): Command =>
  command.option('--no-reuse', 'upload it even where the answer for the same bytes is at hand')

/** For the payload. */
export const reuseOf = ({ reuse }: ReuseFlag): { readonly reuse?: 'never' } =>
  reuse ? {} : { reuse: 'never' }
