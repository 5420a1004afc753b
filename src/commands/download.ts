/** `wecom-media download <media_id>`: one download through the queue, or in this very process. */

import { randomUUID } from 'node:crypto'
import { copyFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Result } from '../queues/jobs.ts'
import { CommandError, printResult } from './exit.ts'
import { follow, mebibytes, parseDuration } from './follow.ts'
import { withSession } from './session.ts'
import { settingsFor } from './settings.ts'

interface DownloadFlags {
  readonly app: string
  readonly output?: string
  readonly key?: string
  readonly here: boolean
  readonly wait: boolean
  readonly timeout?: number
}

export const download = (program: Command): void => {
  program
    .command('download')
    .description('download temporary media; prints where the file is')
    .argument('<media_id>', 'what an upload or a message of a user gave')
    .option('-o, --output <path>', 'where to put the file; a folder keeps its own name')
    .option('--app <id>', 'the configured app', 'default')
    .option('--key <key>', 'idempotency key: the same key is the same job')
    .option('--here', 'run the job in this process; Redis is started where REDIS_URL is not set', false)
    .option('--no-wait', 'print the job id and go')
    .addOption(
      new Option('--timeout <duration>', 'stop waiting after, e.g. 30s, 10m').argParser(parseDuration),
    )
    .action(run)
}

async function run(mediaId: string, flags: DownloadFlags): Promise<void> {
  const config = settingsFor({ needsApp: flags.here })
  const { app, key, output } = flags
  if (output !== undefined && !flags.wait && !flags.here)
    throw new CommandError('usage', '--output needs the wait: leave out --no-wait')
  await withSession(config, flags.here, async ({ producer, signal }) => {
    const job = await producer.download({ app, mediaId }, key === undefined ? {} : { key })
    if (!flags.wait && !flags.here) return printResult({ id: job.id, name: job.name }, [['job', job.id]])
    const timeout = flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }
    const result = await follow(producer, job, { ...timeout, signal, impatient: flags.here })
    const path = output === undefined ? result.path : await put(result, resolve(output), flags.here)
    printResult({ ...result, path }, [
      ['file', path],
      ['name', result.name ?? '(none)'],
      ['size', mebibytes(result.sizeBytes)],
      ['sha256', result.sha256],
    ])
  })
}

/** Copies beside the target and renames, so that nobody ever sees half a file there. */
async function put({ path, name }: Result<'media.download'>, output: string, move: boolean): Promise<string> {
  const isFolder = await stat(output).then(
    found => found.isDirectory(),
    () => false,
  )
  const target = isFolder ? join(output, name ?? basename(path)) : output
  const beside = `${target}.${randomUUID()}.part`
  try {
    await copyFile(path, beside)
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { force: true })
    const code = (error as NodeJS.ErrnoException).code
    throw new CommandError('usage', `the file is at ${path}, but could not be put at ${target} (${code})`)
  }
  if (move) await rm(path, { force: true })
  return target
}
