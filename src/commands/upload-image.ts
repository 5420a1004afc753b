/** `wecom-media upload-image <source>`: one permanent image, which costs a unit of the company's quota. */

import type { Command } from 'commander'
import { permanentImage } from '../wecom/media-types.ts'
import { sizeOf } from './bar.ts'
import { printResult } from './exit.ts'
import { explain, jobSettings } from './help.ts'
import { checkFlags, type JobFlags, type ReuseFlag, reuseOf, withJobFlags, withReuse } from './job-flags.ts'
import { runJob } from './run-job.ts'
import { settingsToUpload, sourceOf } from './source.ts'

interface ImageFlags extends JobFlags, ReuseFlag {
  readonly name?: string
}

export const uploadImage = (program: Command): void => {
  const formats = Object.keys(permanentImage.formats).map(format => format.toUpperCase())
  const command = program
    .command('upload-image')
    .description('upload an image for good; prints its URL, which shows inside WeCom only')
    .argument(
      '<path>',
      `${formats.join(' or ')} up to ${sizeOf(permanentImage.maxBytes)}, or its http(s) URL`,
    )
    .option('--name <name>', 'its file name (default: that of the file)')
  withReuse(withJobFlags(command)).action(run)
  explain(
    command,
    ['wecom-media upload-image logo.png --here', 'wecom-media upload-image logo.png --key logo-2026'],
    [...jobSettings, 'WECOM_MEDIA_ROOTS', 'WECOM_MEDIA_URLS'],
  )
}

async function run(from: string, flags: ImageFlags): Promise<void> {
  checkFlags(flags)
  const { app, name } = flags
  const source = sourceOf(from)
  const config = await settingsToUpload(source, flags)
  const payload = { app, ...reuseOf(flags), source, ...(name !== undefined && { name }) }
  const result = await runJob(config, flags, (producer, options) => producer.uploadImage(payload, options))
  if (!result) return
  printResult(result, [
    ['url', result.url],
    ['file', `${result.name} (${sizeOf(result.sizeBytes)})`],
  ])
}
