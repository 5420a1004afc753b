/** `wecom-media jobs cancel`: named jobs will not run any more; a call that is under way is cut. */

import type { Command } from 'commander'
import { printResult, Told } from '../exit.ts'
import { withFleet } from '../fleet.ts'
import { type JsonFlag, jsonOption } from '../help.ts'
import { parseId } from './filter.ts'
import { unknownJob } from './show.ts'

export const cancel = (jobs: Command): void => {
  jobs
    .command('cancel')
    .description('end jobs that have not ended yet')
    .argument('<ids...>', 'as "jobs list" shows them', parseId)
    .addOption(jsonOption())
    .action(run)
}

const run = (ids: readonly string[], { json }: JsonFlag): Promise<void> =>
  withFleet(async ({ producer, records }) => {
    const unique = [...new Set(ids)]
    // Before any of them is touched: a wrong id is a slip, and slips come in lists.
    for (const id of unique) if (!(await records.brief(id))) throw unknownJob(id)
    const cancelled: string[] = []
    for (const id of unique) if (await producer.cancel(id)) cancelled.push(id)
    const ended = unique.filter(id => !cancelled.includes(id))
    printResult(
      { cancelled, ended },
      [
        ...cancelled.map(id => ['cancelled', id] as [string, string]),
        ...ended.map(id => ['had ended', id] as [string, string]),
      ],
      json,
    )
    if (ended.length > 0) throw new Told()
  })
