/** `wecom-media jobs`: what an operator does with single jobs and with many: list, show, retry, cancel. */

import type { Command } from 'commander'
import { CommandError } from './exit.ts'
import { explain } from './help.ts'
import { cancel } from './jobs/cancel.ts'
import { list } from './jobs/list.ts'
import { retry } from './jobs/retry.ts'
import { show } from './jobs/show.ts'

export const jobs = (program: Command): void => {
  const command = program
    .command('jobs')
    .description('list jobs, show one, run failed ones again, cancel')
    .allowExcessArguments()
    .action((_flags, { args: [word] }: Command) => unknown(word))
  for (const add of [list, show, retry, cancel]) add(command)
  explain(
    command,
    [
      'wecom-media jobs list --state failed --since 2h',
      'wecom-media jobs show 01KAXXT5V0V3T7M9Q2B6N8R4CD',
      'wecom-media jobs retry --errcode 60020 --since noon',
      'wecom-media jobs cancel 01KAXXT5V0V3T7M9Q2B6N8R4CD',
    ],
    ['REDIS_URL', 'WECOM_BASE_URL', 'WECOM_MEDIA_PREFIX'],
  )
  // One page shows all there is.
  command.addHelpText('after', () =>
    command.commands.map(each => `\n${each.helpInformation().trimEnd()}`).join('\n'),
  )
}

function unknown(word: string | undefined): never {
  const what = word === undefined ? 'name what to do with jobs' : `there is no "jobs ${word}"`
  throw new CommandError('usage', `${what}: list, show, retry, cancel; see "wecom-media jobs --help"`)
}
