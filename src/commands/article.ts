/** `wecom-media article <file>`: the images of an HTML file become permanent ones; prints or puts the rewritten file. */

import { basename } from 'node:path'
import type { Command } from 'commander'
import { nameOfSrc } from '../files/image-src.ts'
import type { Result } from '../queues/jobs.ts'
import { CommandError, printResult } from './exit.ts'
import { explain, jobSettings } from './help.ts'
import { checkFlags, type JobFlags, type ReuseFlag, reuseOf, withJobFlags, withReuse } from './job-flags.ts'
import { destinationOf, put } from './put.ts'
import { runJob } from './run-job.ts'
import { type Named, settingsToRead, sourceOf } from './source.ts'

interface ArticleFlags extends JobFlags, ReuseFlag {
  readonly output?: string
  readonly keep?: true
}

export const article = (program: Command): void => {
  const command = program
    .command('article')
    .description('upload the images of an HTML file for good, and write it anew with their URLs')
    .argument('<file>', 'the HTML, as the worker sees it, in one of the roots; or its http(s) URL')
    .option('-o, --output <path>', 'put the rewritten HTML there: a file is replaced')
    .option('--keep', 'leave an image that fails as it is (default: the article fails and names it)')
  withReuse(withJobFlags(command)).action(run)
  explain(
    command,
    [
      'wecom-media article news.html -o rewritten.html --here',
      'wecom-media article news.html --keep --no-wait',
    ],
    [...jobSettings, 'WECOM_MEDIA_ROOTS', 'WECOM_MEDIA_DOWNLOADS', 'WECOM_MEDIA_URLS'],
  )
}

async function run(file: string, flags: ArticleFlags): Promise<void> {
  checkFlags(flags)
  const { app, here = false, output, keep, wait } = flags
  if (output !== undefined && !wait)
    throw new CommandError('usage', '--output needs the file: leave out --no-wait')
  const source = sourceOf(file)
  const settings = await settingsToRead(source, flags)
  const destination = output === undefined ? undefined : await destinationOf(output)
  // As for a download: beside the target, and then one rename.
  const config = here && destination ? { ...settings, downloads: destination.folder } : settings
  const payload = { app, ...reuseOf(flags), source, onFailure: keep ? ('keep' as const) : ('fail' as const) }
  const result = await runJob(config, flags, (producer, options) => producer.article(payload, options))
  if (!result) return
  const { images, path = '' } = result
  const placed = destination ? await put({ path, name: nameOf(source) }, destination, here) : path
  printResult({ path: placed, images }, [['file', placed], ...linesOf(images)])
}

const nameOf = (source: Named): string =>
  basename('url' in source ? new URL(source.url).pathname : source.path) || 'article.html'

type Images = Result<'media.article'>['images']

/** How many of each kind, and each that was left as it was. */
function linesOf(images: Images): (readonly [string, string])[] {
  const counts = new Map<string, number>()
  for (const { as } of images) counts.set(as, (counts.get(as) ?? 0) + 1)
  const each = [...counts].map(([as, count]) => `${count} ${as}`)
  const kept = images.flatMap(({ src, fault }) =>
    fault ? [['kept', `${nameOfSrc(src)}: ${fault.message}`] as const] : [],
  )
  return [['images', images.length === 0 ? 'none' : `${images.length}: ${each.join(', ')}`], ...kept]
}
