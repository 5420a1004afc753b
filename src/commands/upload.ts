/** `wecom-media upload <type> <path>`: one upload through the queue, or in this very process. */

import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { mediaTypes } from '../wecom/media-types.ts'
import { printResult } from './exit.ts'
import { follow, mebibytes, parseDuration } from './follow.ts'
import { withSession } from './session.ts'
import { settingsFor } from './settings.ts'

type Type = keyof typeof mediaTypes

interface UploadFlags {
  readonly app: string
  readonly name?: string
  readonly key?: string
  readonly here: boolean
  readonly wait: boolean
  readonly timeout?: number
}

export const upload = (program: Command): void => {
  program
    .command('upload')
    .description('upload a file as temporary media; prints its media_id')
    .argument('<type>', `${Object.keys(mediaTypes).join(', ')}`)
    .argument('<path>', 'the file, as the worker sees it; it must lie in a root (WECOM_MEDIA_ROOTS)')
    .option('--name <name>', 'the name that users see (default: the base name)')
    .option('--app <id>', 'the configured app', 'default')
    .option('--key <key>', 'idempotency key: the same key is the same job')
    .option('--here', 'run the job in this process; Redis is started where REDIS_URL is not set', false)
    .option('--no-wait', 'print the job id and go')
    .addOption(
      new Option('--timeout <duration>', 'stop waiting after, e.g. 30s, 10m').argParser(parseDuration),
    )
    .action(run)
}

async function run(type: string, path: string, flags: UploadFlags): Promise<void> {
  const settings = settingsFor({ needsApp: flags.here })
  const config = flags.here ? { ...settings, roots: settings.roots ?? [process.cwd()] } : settings
  const { app, key, name } = flags
  const payload = {
    app,
    type: type as Type,
    source: { path: resolve(path) },
    ...(name !== undefined && { name }),
  }
  await withSession(config, flags.here, async ({ producer, signal }) => {
    const job = await producer.upload(payload, key === undefined ? {} : { key })
    if (!flags.wait && !flags.here) return printResult({ id: job.id, name: job.name }, [['job', job.id]])
    const timeout = flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }
    const result = await follow(producer, job, { ...timeout, signal, impatient: flags.here })
    printResult(result, [
      ['media_id', result.mediaId],
      ['file', `${result.name} (${result.type}, ${mebibytes(result.sizeBytes)})`],
      ['expires', new Date(result.expiresAtMs).toISOString()],
    ])
  })
}
