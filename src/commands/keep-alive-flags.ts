/** `--keep-alive` and `--until` of an upload. */

import type { Command } from 'commander'
import { Option } from 'commander'
import type { Input } from '../queues/jobs.ts'
import { CommandError } from './exit.ts'

export interface KeepAliveFlags {
  readonly keepAlive?: string
  /** ISO 8601 with offset. */
  readonly until?: string
}

export const withKeepAlive = (command: Command): Command =>
  command
    .option(
      '--keep-alive <name>',
      'renew the media_id before it dies, under this name; needs --until and workers',
    )
    .addOption(
      new Option(
        '--until <time>',
        'how long: 2027-01-31 (to its end), or 2027-01-31T18:00:00+08:00',
      ).argParser(parseUntil),
    )

/** For the payload. Throws usage for flags that go together and do not. */
export function keepAliveOf(
  { keepAlive: name, until }: KeepAliveFlags,
  here: true | undefined,
): Pick<Input<'media.upload'>, 'keepAlive'> {
  const never = (what: string): never => {
    throw new CommandError('usage', what)
  }
  if (name === undefined) return until === undefined ? {} : never('--until needs a name: add --keep-alive')
  if (until === undefined) return never('--keep-alive needs an end: add --until 2027-01-31')
  if (here) never('--keep-alive needs workers that go on: leave out --here')
  return { keepAlive: { name, until } }
}

/** A day means to its end, as clocks on the wall have it. */
export function parseUntil(text: string): string {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)?.map(Number) ?? []
  const isDay = year !== undefined && month !== undefined && day !== undefined
  const time = isDay ? new Date(year, month - 1, day + 1) : new Date(text)
  const isWhole = isDay
    ? month <= 12 && new Date(year, month - 1, day).getDate() === day
    : /T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:\d{2})$/.test(text)
  if (isWhole && !Number.isNaN(time.getTime())) return time.toISOString()
  throw new CommandError(
    'usage',
    `--until: "${text}" is no time: write 2027-01-31, or 2027-01-31T18:00:00+08:00 with its offset`,
  )
}
