/** `wecom-media upload <type> <source>`: one upload through the queue, or in this very process. */

import { Argument, type Command, Option } from 'commander'
import { type Input, jobs } from '../queues/jobs.ts'
import { formatsOf, isMediaType, type MediaType, mediaTypes } from '../wecom/media-types.ts'
import { sizeOf } from './bar.ts'
import { CommandError, printResult } from './exit.ts'
import { localTime } from './follow.ts'
import { explain, jobSettings } from './help.ts'
import { checkFlags, type JobFlags, type ReuseFlag, reuseOf, withJobFlags, withReuse } from './job-flags.ts'
import { type KeepAliveFlags, keepAliveOf, withKeepAlive } from './keep-alive-flags.ts'
import { runJob } from './run-job.ts'
import { settingsToUpload, sourceOf } from './source.ts'

type Attachment = NonNullable<Input<'media.upload'>['attachment']>

interface UploadFlags extends JobFlags, ReuseFlag, KeepAliveFlags {
  readonly name?: string
  readonly attachment?: Attachment
}

export const upload = (program: Command): void => {
  const command = program
    .command('upload')
    .description('upload a file as temporary media; prints its media_id, which lives 3 days')
    .addArgument(new Argument('<type>', typeHelp).argParser(parseType))
    .argument('<path>', 'the file, as the worker sees it, in one of the roots; or an http(s) URL')
    .option('--name <name>', 'the name that users see (default: that of the file)')
    .addOption(
      new Option('--attachment <use>', 'for this use and no other (default: messages)').choices(uses),
    )
  withKeepAlive(withReuse(withJobFlags(command))).action(run)
  explain(
    command,
    [
      'wecom-media upload image photo.jpg --here',
      'wecom-media upload file 季度报告.pdf --name report.pdf --key order-17 --timeout 2m',
      'wecom-media upload video https://media.example.com/clip.mp4 --attachment moments',
      'wecom-media upload image logo.png --keep-alive logo --until 2027-01-31',
    ],
    [...jobSettings, 'WECOM_MEDIA_ROOTS', 'WECOM_MEDIA_URLS'],
  )
}

const uses: readonly Attachment[] = jobs['media.upload'].payload.shape.attachment.unwrap().options

/** What each type takes, as the table of types has it. */
const typeHelp = Object.entries(mediaTypes)
  .map(([type, { maxBytes }]) => {
    const formats = formatsOf(type as MediaType)
    const what = formats === 'any' ? 'any format' : formats.map(format => format.toUpperCase()).join(' or ')
    return `${type}: ${what} up to ${sizeOf(maxBytes)}`
  })
  .join('; ')

function parseType(text: string): MediaType {
  if (isMediaType(text)) return text
  throw new CommandError('usage', `"${text}" is no type: write ${Object.keys(mediaTypes).join(', ')}`)
}

async function run(type: MediaType, from: string, flags: UploadFlags): Promise<void> {
  checkFlags(flags)
  const { app, name, attachment, here } = flags
  const keepAlive = keepAliveOf(flags, here)
  const source = sourceOf(from)
  const config = await settingsToUpload(source, flags)
  const payload = {
    ...{ app, type, source, ...reuseOf(flags), ...keepAlive },
    ...(name !== undefined && { name }),
    ...(attachment !== undefined && { attachment }),
  }
  const result = await runJob(config, flags, (producer, options) => producer.upload(payload, options))
  if (!result) return
  printResult(result, [
    ['media_id', result.mediaId],
    ['file', `${result.name} (${result.type}, ${sizeOf(result.sizeBytes)})`],
    ['expires', localTime(result.expiresAtMs)],
    ...(attachment === undefined ? [] : [['only for', attachment] as const]),
    ...(keepAlive.keepAlive ? [['kept alive', `as ${keepAlive.keepAlive.name}`] as const] : []),
  ])
}
