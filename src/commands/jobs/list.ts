/** `wecom-media jobs list`: jobs by state and reason, the newest first. */

import Table from 'cli-table3'
import { type Command, Option } from 'commander'
import { scrub } from '../../log.ts'
import { queueNames } from '../../queues/jobs.ts'
import { type Listed, type ListState, listJobs, listStates, type Wanted } from '../../queues/listing.ts'
import { CommandError, isForPrograms, printObject, say } from '../exit.ts'
import { type Fleet, withFleet } from '../fleet.ts'
import { localTime } from '../follow.ts'
import { type JsonFlag, jsonOption } from '../help.ts'
import { type FilterFlags, oneOf, wantedBy, withFilter } from './filter.ts'

interface ListFlags extends FilterFlags, JsonFlag {
  readonly state: readonly ListState[]
  readonly limit: number
}

/** Those that are done are many, and nobody's worry. */
const usualStates: readonly ListState[] = listStates.filter(state => state !== 'completed')

export const list = (jobs: Command): void => {
  const command = jobs
    .command('list')
    .description('list jobs, the newest of each state first')
    .addOption(
      new Option('--state <states>', `${listStates.join(', ')}; several with ","`)
        .argParser(oneOf(listStates, 'state'))
        .default([...usualStates], 'all but completed'),
    )
  withFilter(command)
    .option('--limit <count>', 'at most so many, 1 to 10000', parseLimit, 50)
    .addOption(jsonOption())
    .action(run)
}

function parseLimit(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count
  throw new CommandError('usage', `"${text}" is no limit: write a number from 1 to 10000`)
}

const run = (flags: ListFlags): Promise<void> =>
  withFleet(async fleet => {
    const { limit, json, state } = flags
    const jobs = await firstOf(fleet, wantedBy(flags, state), limit + 1)
    const more = jobs.length > limit
    const paused = await pausedQueues(fleet)
    const shown = jobs.slice(0, limit)
    if (isForPrograms(json)) return printObject({ jobs: shown, more, paused })
    print(shown)
    if (more) say(`and more: raise --limit (${limit}), or say which with --state, --queue, --kind, --since`)
    if (paused.length > 0) say(`paused: ${paused.join(', ')}; "wecom-media drain --resume" goes on`)
  })

async function firstOf(fleet: Fleet, wanted: Wanted, count: number): Promise<Listed[]> {
  const jobs: Listed[] = []
  for await (const job of listJobs(fleet, wanted)) {
    if (jobs.push(job) >= count) break
    fleet.signal.throwIfAborted()
  }
  return jobs
}

/** Queues that no worker takes jobs from, because an operator said so. */
async function pausedQueues({ admin }: Pick<Fleet, 'admin'>): Promise<string[]> {
  const are = await Promise.all(queueNames.map(queue => admin.isPaused(queue)))
  return queueNames.filter((_queue, index) => are[index])
}

const whyMaxLength = 70

function print(jobs: readonly Listed[]): void {
  if (jobs.length === 0) return void say('no such job')
  const table = new Table({
    head: ['id', 'job', 'state', 'since', 'attempts', 'why'],
    style: { head: [], border: [] },
    // No lines between rows: there may be hundreds.
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'left', 'left', 'left', 'right', 'left'],
  })
  for (const job of jobs) table.push(rowOf(job))
  process.stdout.write(`${table.toString()}\n`)
}

function rowOf({ id, queue, name, state, place, createdAtMs, endedAtMs, fence, fault }: Listed): string[] {
  const since = endedAtMs ?? createdAtMs
  const code = fault?.errcode === undefined ? '' : ` ${fault.errcode}`
  const why = fault === undefined ? '' : `${fault.kind}${code}: ${scrub(fault.message)}`
  return [
    ...[id, name ?? `in ${queue}`, state ?? place, since === undefined ? '–' : localTime(since)],
    ...[String(fence ?? 0), why.length > whyMaxLength ? `${why.slice(0, whyMaxLength - 1)}…` : why],
  ]
}
