/** `wecom-media download <media_id>`: one download through the queue, or in this very process. */

import type { Command } from 'commander'
import { sizeOf } from './bar.ts'
import { asUsage, CommandError, printResult } from './exit.ts'
import { follow } from './follow.ts'
import { explain } from './help.ts'
import { checkFlags, type JobFlags, withJobFlags } from './job-flags.ts'
import { destinationOf, put } from './put.ts'
import { withSession } from './session.ts'
import { settingsFor } from './settings.ts'

interface DownloadFlags extends JobFlags {
  readonly output?: string
}

export const download = (program: Command): void => {
  const command = program
    .command('download')
    .description('download temporary media; prints where the file is')
    .argument('<media_id>', 'from an upload, or from a message of a user')
    .option(
      '-o, --output <path>',
      'put the file there: a file is replaced, in a folder it keeps its own name',
    )
  withJobFlags(command).action(run)
  explain(
    command,
    ['wecom-media download MEDIA_ID -o photo.jpg --here', 'wecom-media download MEDIA_ID --no-wait'],
    ['WECOM_CORP_ID', 'WECOM_CORP_SECRET', 'WECOM_BASE_URL', 'REDIS_URL', 'WECOM_MEDIA_DOWNLOADS'],
  )
}

async function run(mediaId: string, flags: DownloadFlags): Promise<void> {
  checkFlags(flags)
  const { app, here = false, key, output, timeout: timeoutMs, wait } = flags
  if (output !== undefined && !wait)
    throw new CommandError('usage', '--output needs the file: leave out --no-wait')
  const settings = await settingsFor(here ? { app } : {})
  const destination = output === undefined ? undefined : await destinationOf(output)
  // Partial and result beside the target: one rename, and no other folder is made.
  const config = here && destination ? { ...settings, downloads: destination.folder } : settings
  const { job, result } = await withSession(config, here, async ({ producer, signal }) => {
    const job = await asUsage(() => producer.download({ app, mediaId }, key === undefined ? {} : { key }))
    const result = wait ? await follow(producer, job, { timeoutMs, signal, isHere: here }) : undefined
    return { job, result }
  })
  if (!result) return printResult({ id: job.id, name: job.name }, [['job', job.id]])
  const path = destination ? await put(result, destination, here) : result.path
  printResult({ ...result, path }, [
    ['file', path],
    ['name', result.name ?? '(none)'],
    ['size', sizeOf(result.sizeBytes)],
    ['sha256', result.sha256],
  ])
}
