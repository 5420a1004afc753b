/** `wecom-media download <media_id>`: one download through the queue, or in this very process. */

import { type Command, Option } from 'commander'
import { sizeOf } from './bar.ts'
import { CommandError, printResult } from './exit.ts'
import { explain, jobSettings } from './help.ts'
import { checkFlags, type JobFlags, withJobFlags } from './job-flags.ts'
import { destinationOf, put } from './put.ts'
import { runJob } from './run-job.ts'
import { settingsFor } from './settings.ts'

interface DownloadFlags extends JobFlags {
  readonly output?: string
  readonly voice?: 'speex'
  readonly raw?: true
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
    .addOption(
      new Option('--voice <codec>', 'a voice of the JS-SDK in high definition, as Ogg Speex').choices([
        'speex',
      ]),
    )
    .option('--raw', 'of such a voice the Speex frames as they came')
  withJobFlags(command).action(run)
  explain(
    command,
    [
      'wecom-media download MEDIA_ID -o photo.jpg --here',
      'wecom-media download MEDIA_ID --voice speex -o voice.spx',
      'wecom-media download MEDIA_ID --no-wait',
    ],
    [...jobSettings, 'WECOM_MEDIA_DOWNLOADS'],
  )
}

async function run(mediaId: string, flags: DownloadFlags): Promise<void> {
  checkFlags(flags)
  const { app, here = false, output, voice, raw, wait } = flags
  if (output !== undefined && !wait)
    throw new CommandError('usage', '--output needs the file: leave out --no-wait')
  if (raw && voice === undefined)
    throw new CommandError('usage', '--raw is about HD voice: add --voice speex')
  const settings = await settingsFor(here ? { app } : {})
  const destination = output === undefined ? undefined : await destinationOf(output)
  // Partial and result beside the target: one rename, and no other folder is made.
  const config = here && destination ? { ...settings, downloads: destination.folder } : settings
  const payload = { app, mediaId, ...(voice && { voice }), ...(raw && { container: 'raw' as const }) }
  const result = await runJob(config, flags, (producer, options) => producer.download(payload, options))
  if (!result) return
  const { name, sizeBytes, sha256, durationMs } = result
  const path = destination ? await put(result, destination, here) : result.path
  printResult({ ...result, path }, [
    ['file', path],
    ['name', name ?? '(none)'],
    ['size', sizeOf(sizeBytes)],
    ...(durationMs === undefined ? [] : [['length', `${durationMs / 1000} s`] as const]),
    ['sha256', sha256],
  ])
}
