/** The CLI: parses argv, picks a command, owns the exit code. Results go to stdout, everything else to stderr. */

import { Command, CommanderError } from 'commander'
import { CommandError, exitCodeFor, exitCodes, printFailure } from './commands/exit.ts'
import { version } from './version.ts'

/** Runs one command; answers the exit code, see commands/exit.ts. `argv` without node and script. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('wecom-media')
    .description('Background worker for WeCom (企业微信) media: upload, download, within the limits.')
    .version(version())
    .exitOverride()
    // Its mistakes are told as ours are, once.
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', help)
  for (const load of asked(argv)) (await load?.())?.(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    const names = Object.keys(commands)
    if (isHelp(error) && isAsked(argv, names)) return exitCodes.ok
    const told = error instanceof CommanderError ? usageError(argv, names, error) : error
    printFailure(told, argv.includes('--json'))
    return exitCodeFor(told)
  }
}

type Add = (program: Command) => void

/** In the order of the help. Each is loaded when it is asked for: a worker starts without the simulator, and sooner. */
const commands: Readonly<Record<string, () => Promise<Add>>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  upload: async () => (await import('./commands/upload.ts')).upload,
  download: async () => (await import('./commands/download.ts')).download,
  'upload-image': async () => (await import('./commands/upload-image.ts')).uploadImage,
  article: async () => (await import('./commands/article.ts')).article,
  'async-upload': async () => (await import('./commands/async-upload.ts')).asyncUpload,
  serve: async () => (await import('./commands/serve.ts')).serve,
  token: async () => (await import('./commands/token.ts')).token,
  check: async () => (await import('./commands/check.ts')).check,
  limits: async () => (await import('./commands/limits.ts')).limits,
  kept: async () => (await import('./commands/kept.ts')).kept,
  jobs: async () => (await import('./commands/jobs.ts')).jobs,
  drain: async () => (await import('./commands/drain.ts')).drain,
  explain: async () => (await import('./commands/explain.ts')).explain,
  simulate: async () => (await import('./commands/simulate.ts')).simulate,
  schemas: async () => (await import('./commands/schemas.ts')).schemas,
}

/** The one that is named, or all where help or an explanation must know them. */
const asked = ([name = '']: readonly string[]) =>
  Object.hasOwn(commands, name) ? [commands[name]] : Object.values(commands)

/** It throws these once it has printed what was asked for. */
const isHelp = (error: unknown): boolean =>
  error instanceof CommanderError && /^commander\.(help|helpDisplayed|version)$/.test(error.code)

/** It shows help as well when nothing was asked for, or something that is not there. */
const isAsked = ([first, second]: readonly string[], names: readonly string[]): boolean =>
  first !== undefined && (first !== 'help' || second === undefined || names.includes(second))

function usageError(argv: readonly string[], names: readonly string[], error: CommanderError): CommandError {
  const name = names.find(known => known === argv[0])
  const see = `see "${['wecom-media', name, '--help'].filter(part => part !== undefined).join(' ')}"`
  const what = isHelp(error)
    ? `name a command: ${names.join(', ')}`
    : error.message
        .replace(/^error: /, '')
        .replace(/\.$/, '')
        .replaceAll('\n', ' ')
  return new CommandError('usage', `${what}; ${see}`)
}

const help = `
Without an account, everything on this host:
  wecom-media demo                    every way of the platform, with real files
  wecom-media simulate                the platform on localhost; prints its URL, a CorpID and a secret

With WECOM_CORP_ID and WECOM_CORP_SECRET (and WECOM_BASE_URL for a simulator):
  wecom-media upload image photo.jpg --here          one command is enough
  wecom-media download MEDIA_ID -o photo.jpg --here
  wecom-media check                   settings, Redis, token, trusted IP, callback: what is wrong, and what to do
  wecom-media explain 60020           what an errcode means

With REDIS_URL as well, jobs go over queues:
  wecom-media serve                   workers; "serve --help" lists every setting
  wecom-media token shop              makes a token for the HTTP API
  wecom-media upload file a.pdf       puts a job on the queue and waits for its result
  wecom-media limits                  what is left of every limit and quota
  wecom-media kept                    the media_ids that are kept alive, and how they stand
  wecom-media jobs list               what waits, runs and has failed, and why; jobs show, retry, cancel
  wecom-media drain                   stops taking jobs in the whole fleet, and waits for those that run

On a terminal results are text; piped, stdout gets exactly one JSON object. Logs go to stderr.
Exit codes: 0 done · 1 the job failed · 2 wrong usage or settings · 3 no Redis, or no result in time · 130 interrupted`
