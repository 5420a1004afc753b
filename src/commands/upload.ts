/** `wecom-media upload <type> <path>`: one upload through the queue, or in this very process. */

import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { Argument, type Command } from 'commander'
import type { Config } from '../config.ts'
import { Fault } from '../fault.ts'
import { formatsOf, isMediaType, type MediaType, mediaTypes } from '../wecom/media-types.ts'
import { sizeOf } from './bar.ts'
import { asUsage, CommandError, printResult } from './exit.ts'
import { follow } from './follow.ts'
import { explain } from './help.ts'
import { checkFlags, type JobFlags, withJobFlags } from './job-flags.ts'
import { withSession } from './session.ts'
import { missingRoots, settingsFor } from './settings.ts'

interface UploadFlags extends JobFlags {
  readonly name?: string
}

export const upload = (program: Command): void => {
  const command = program
    .command('upload')
    .description('upload a file as temporary media; prints its media_id, which lives 3 days')
    .addArgument(new Argument('<type>', typeHelp).argParser(parseType))
    .argument('<path>', 'the file, as the worker sees it; it must lie in one of the roots')
    .option('--name <name>', 'the name that users see (default: that of the file)')
  withJobFlags(command).action(run)
  explain(
    command,
    [
      'wecom-media upload image photo.jpg --here',
      'wecom-media upload file 季度报告.pdf --name report.pdf --key order-17 --timeout 2m',
    ],
    ['WECOM_CORP_ID', 'WECOM_CORP_SECRET', 'WECOM_BASE_URL', 'REDIS_URL', 'WECOM_MEDIA_ROOTS'],
  )
}

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

async function run(type: MediaType, path: string, flags: UploadFlags): Promise<void> {
  checkFlags(flags)
  const { app, here = false, key, name, timeout: timeoutMs, wait } = flags
  const source = { path: resolve(path) }
  const payload = { app, type, source, ...(name !== undefined && { name }) }
  const config = here ? await configHere(app, source.path) : await settingsFor({})
  const { job, result } = await withSession(config, here, async ({ producer, signal }) => {
    const job = await asUsage(() => producer.upload(payload, key === undefined ? {} : { key }))
    const result = wait ? await follow(producer, job, { timeoutMs, signal, isHere: here }) : undefined
    return { job, result }
  })
  if (!result) return printResult({ id: job.id, name: job.name }, [['job', job.id]])
  printResult(result, [
    ['media_id', result.mediaId],
    ['file', `${result.name} (${result.type}, ${sizeOf(result.sizeBytes)})`],
    ['expires', new Date(result.expiresAtMs).toLocaleString('sv')],
  ])
}

/** What can be known of an upload here is said before anything is started. */
async function configHere(app: string, path: string): Promise<Config> {
  const settings = await settingsFor({ app })
  // A worker makes its downloads folder; an upload has no use for one.
  const config = { ...settings, roots: settings.roots ?? [process.cwd()], downloads: tmpdir() }
  const missing = await missingRoots(config)
  if (missing.length === config.roots.length)
    throw new CommandError('usage', `WECOM_MEDIA_ROOTS: there is no folder ${missing.join(', ')}`, 'config')
  await stat(path).catch(error => {
    if (error.code === 'ENOENT') throw new Fault('not-found', `there is no file ${path}: check the path`)
  })
  return config
}
