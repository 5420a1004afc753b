/** `wecom-media jobs retry`: failed jobs run again, named one by one or by what they failed of. */

import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { type Again, askAgain } from '../../queues/again.ts'
import { type Listed, listJobs } from '../../queues/listing.ts'
import { CommandError, printResult, say, Told } from '../exit.ts'
import { type Fleet, withFleet } from '../fleet.ts'
import { type JsonFlag, jsonOption } from '../help.ts'
import { type FilterFlags, parseId, wantedBy, withFilter } from './filter.ts'
import { unknownJob } from './show.ts'

interface RetryFlags extends FilterFlags, JsonFlag {
  readonly yes?: true
  readonly dryRun?: true
}

export const retry = (jobs: Command): void => {
  const command = jobs
    .command('retry')
    .description(
      'run failed jobs again, with their whole deadline: the named ones, or all that the flags mean',
    )
    .argument('[ids...]', 'as "jobs list" shows them', parseId)
  withFilter(command)
    .option('--dry-run', 'only tell which jobs are meant')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(run)
}

async function run(ids: readonly string[], flags: RetryFlags): Promise<void> {
  const isFiltered = [flags.queue, flags.kind, flags.errcode, flags.since].some(flag => flag !== undefined)
  if (ids.length > 0 === isFiltered)
    throw new CommandError('usage', 'name jobs by their ids, or give --errcode, --kind, --since or --queue')
  await withFleet(fleet => (isFiltered ? retryAll(fleet, flags) : retryNamed(fleet, ids, flags)))
}

async function retryNamed(fleet: Fleet, ids: readonly string[], { dryRun, json }: RetryFlags): Promise<void> {
  const unique = [...new Set(ids)]
  const briefs = await Promise.all(unique.map(id => fleet.records.brief(id)))
  const missing = unique.find((_id, index) => briefs[index] === undefined)
  if (missing !== undefined) throw unknownJob(missing)
  const done = dryRun
    ? tally(
        briefs.map(brief =>
          brief?.state === 'failed' || brief?.state === 'cancelled' ? 'queued' : 'not-failed',
        ),
        unique,
      )
    : await retryEach(fleet, unique)
  tell(done, dryRun === true, json)
  // What was asked for by name and can't be is a failure of the command.
  if (done.notFailed > 0) throw new Told()
}

async function retryAll(fleet: Fleet, flags: RetryFlags): Promise<void> {
  const { dryRun, yes, json } = flags
  const jobs = await failedOnes(fleet, flags)
  const ids = jobs.map(({ id }) => id)
  if (dryRun || jobs.length === 0)
    return tell(
      tally(
        ids.map(() => 'queued'),
        ids,
      ),
      dryRun === true,
      json,
    )
  if (!yes && !(await agrees(jobs, fleet.signal)))
    throw new CommandError('interrupted', 'nothing was run again')
  tell(await retryEach(fleet, ids), false, json)
}

/** First all, then the retries: they would move the pages under the list. What people cancelled stays so, unless it is meant. */
async function failedOnes(fleet: Fleet, flags: FilterFlags): Promise<Listed[]> {
  const jobs: Listed[] = []
  for await (const job of listJobs(fleet, wantedBy(flags, ['failed']))) {
    fleet.signal.throwIfAborted()
    if (job.state === 'failed' || (job.state === 'cancelled' && flags.kind === 'cancelled')) jobs.push(job)
  }
  return jobs
}

async function agrees(jobs: readonly Listed[], signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CommandError('usage', `--yes runs these ${jobs.length} jobs again, --dry-run only lists them`)
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const question = `Run ${jobs.length} jobs again (${reasonsOf(jobs)})? [y/N] `
    // On a terminal it is readline that hears Ctrl-C.
    const answer = await asking.question(question, { signal }).catch(() => {
      throw new CommandError('interrupted', 'interrupted')
    })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    asking.close()
  }
}

/** `3 × rejected 60020, 1 × transient`. */
function reasonsOf(jobs: readonly Listed[]): string {
  const counts = new Map<string, number>()
  for (const { fault } of jobs) {
    const reason = [fault?.kind ?? 'unknown', fault?.errcode].filter(part => part !== undefined).join(' ')
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, count]) => `${count} × ${reason}`).join(', ')
}

interface Retried {
  readonly queued: number
  readonly notFailed: number
  readonly unknown: number
  readonly ids: readonly string[]
}

const atOnce = 20

async function retryEach(fleet: Fleet, ids: readonly string[]): Promise<Retried> {
  const outcomes: Again[] = []
  for (let from = 0; from < ids.length && !fleet.signal.aborted; from += atOnce) {
    const some = ids.slice(from, from + atOnce)
    outcomes.push(...(await Promise.all(some.map(id => askAgain(fleet.records, fleet.admin, id)))))
  }
  if (outcomes.length < ids.length)
    say(`interrupted: ${ids.length - outcomes.length} jobs were left as they were`)
  return tally(outcomes, ids)
}

const tally = (outcomes: readonly Again[], ids: readonly string[]): Retried => {
  const count = (as: Again) => outcomes.filter(outcome => outcome === as).length
  return {
    ...{ queued: count('queued'), notFailed: count('not-failed'), unknown: count('unknown') },
    ids: ids.filter((_id, index) => outcomes[index] === 'queued'),
  }
}

function tell(done: Retried, isDry: boolean, json: true | undefined): void {
  const { queued, notFailed, unknown, ids } = done
  const lines: [string, string][] = [[isDry ? 'would run again' : 'run again', String(queued)]]
  if (notFailed > 0) lines.push(['left', `${notFailed}: they have not failed`])
  if (unknown > 0) lines.push(['left', `${unknown}: this version cannot run them`])
  if (isDry) lines.push(...ids.slice(0, 20).map(id => ['', id] as [string, string]))
  printResult({ ...done, dryRun: isDry }, lines, json)
}
