/** `wecom-media async-upload <type> <url>`: the platform fetches up to 200 MB by itself. With --here nothing listens for its callback; asking finds the result. */

import { Argument, type Command } from 'commander'
import { type AsyncMediaType, asyncMedia } from '../wecom/media-types.ts'
import { sizeOf } from './bar.ts'
import { CommandError, printResult } from './exit.ts'
import { localTime } from './follow.ts'
import { explain, jobSettings } from './help.ts'
import { checkFlags, type JobFlags, type ReuseFlag, reuseOf, withJobFlags, withReuse } from './job-flags.ts'
import { runJob } from './run-job.ts'
import { settingsToUpload, sourceOf } from './source.ts'

interface AsyncFlags extends JobFlags, ReuseFlag {
  readonly name: string
  readonly md5?: string
}

export const asyncUpload = (program: Command): void => {
  const { types, maxBytes, nameMaxBytes } = asyncMedia
  const command = program
    .command('async-upload')
    .description(
      `let the platform fetch a URL of up to ${sizeOf(maxBytes)}; prints its media_id and what takes it`,
    )
    .addArgument(new Argument('<type>', 'images and voices have no such way').choices(types))
    .argument('<url>', 'http(s), open to the platform; its server answers Range requests')
    .requiredOption('--name <name>', `the name that users see, at most ${nameMaxBytes} bytes`)
    .option('--md5 <hex>', 'of the file (default: the worker reads the URL and computes it)')
  withReuse(withJobFlags(command)).action(run)
  explain(
    command,
    [
      'wecom-media async-upload video https://media.example.com/talk.mp4 --name talk.mp4',
      'wecom-media async-upload file https://media.example.com/a.zip --name a.zip --md5 HEX --no-wait',
    ],
    [...jobSettings, 'WECOM_MEDIA_URLS'],
  )
}

async function run(type: AsyncMediaType, url: string, flags: AsyncFlags): Promise<void> {
  checkFlags(flags)
  const { app, name, md5 } = flags
  const source = sourceOf(url)
  if (!('url' in source))
    throw new CommandError('usage', `"${url}" is no http(s) URL: the platform fetches it by itself`)
  const config = await settingsToUpload(source, flags)
  const payload = { app, ...reuseOf(flags), type, url, name, ...(md5 !== undefined && { md5 }) }
  const result = await runJob(config, flags, (producer, options) => producer.asyncUpload(payload, options))
  if (!result) return
  printResult(result, [
    ['media_id', result.mediaId],
    ['file', `${result.name} (${result.type}, ${sizeOf(result.sizeBytes)}, md5 ${result.md5})`],
    ['expires', localTime(result.expiresAtMs)],
    ['usable for', `${result.usableFor.map(use => usesInWords[use]).join(', ')}; nothing else takes it`],
  ])
}

const usesInWords = {
  'media/get': 'downloads',
  'group-welcome': 'group-welcome material (入群欢迎语素材)',
} as const
