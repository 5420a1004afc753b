/** Which jobs are meant: the flags that `list` and `retry` share, and ids. */

import { type Command, Option } from 'commander'
import { systemClock } from '../../clock.ts'
import { type Kind, kinds } from '../../fault.ts'
import { type QueueName, queueNames } from '../../queues/jobs.ts'
import type { ListState, Wanted } from '../../queues/listing.ts'
import { CommandError } from '../exit.ts'
import { parseSince } from './since.ts'

export interface FilterFlags {
  readonly queue?: readonly QueueName[]
  readonly kind?: Kind
  readonly errcode?: number
  readonly since?: number
}

export const withFilter = (command: Command): Command =>
  command
    .option('--queue <queues>', `of these queues only: ${queueNames.join(', ')}`, oneOf(queueNames, 'queue'))
    .addOption(
      new Option(
        '--kind <kind>',
        'with this kind of fault; "wecom-media explain" and docs/reference.md tell them',
      ).argParser(text => oneOf(kinds, 'kind')(text)[0]),
    )
    .option('--errcode <code>', "with this errcode of the platform's", parseErrcode)
    .option('--since <time>', 'ended, or asked for, since: noon, 12:00, 30m, 2h, 3d, or ISO 8601', text =>
      parseSince(text, systemClock.nowMs()),
    )

export const wantedBy = (
  { queue = queueNames, kind, errcode, since }: FilterFlags,
  states: readonly ListState[],
): Wanted => ({ queues: queue, states, kind, errcode, sinceMs: since })

/** A list, separated by commas. Throws usage for a word that is none of them. */
export const oneOf =
  <T extends string>(known: readonly T[], what: string) =>
  (text: string): T[] => {
    const words = text.split(',').map(word => word.trim())
    const wrong = words.find(word => !(known as readonly string[]).includes(word))
    if (wrong === undefined) return words as T[]
    throw new CommandError('usage', `there is no ${what} "${wrong}": write ${known.join(', ')}`)
  }

function parseErrcode(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text)
  throw new CommandError('usage', `"${text}" is no errcode: write the number, such as 60020`)
}

/** Ids of records: those of foreign producers begin with their queue. Throws usage. */
export function parseId(text: string, before: readonly string[] = []): string[] {
  if (/^[A-Za-z0-9_.-]{1,200}$/.test(text)) return [...before, text]
  throw new CommandError(
    'usage',
    `"${text.slice(0, 80)}" is no id of a job: "wecom-media jobs list" shows them`,
  )
}
