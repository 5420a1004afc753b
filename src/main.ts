/** The CLI: parses argv, picks a command, owns the exit code. Results go to stdout, everything else to stderr. */

import { Command, CommanderError } from 'commander'
import { demo } from './commands/demo.ts'
import { download } from './commands/download.ts'
import { CommandError, exitCodeFor, exitCodes, printFailure } from './commands/exit.ts'
import { schemas } from './commands/schemas.ts'
import { serve } from './commands/serve.ts'
import { simulate } from './commands/simulate.ts'
import { upload } from './commands/upload.ts'

/** Runs one command; answers the exit code, see commands/exit.ts. `argv` without node and script. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('wecom-media')
    .description('Background worker for WeCom (企业微信) media: upload, download, within the limits.')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .addHelpText('after', help)
  for (const add of [demo, upload, download, serve, simulate, schemas]) add(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(error)
    if (error.exitCode === 0) return exitCodes.ok
    // Commander has printed its line for people already.
    return fail(new CommandError('usage', error.message.replace(/^error: /, '')), false)
  }
}

function fail(error: unknown, tell = true): number {
  printFailure(error, tell)
  return exitCodeFor(error)
}

const help = `
Try it without an account:
  wecom-media demo                                 real files up and down again, against the simulator
  wecom-media simulate                             the platform on localhost; prints its URL and a secret

With an account (or a simulator): set WECOM_CORP_ID, WECOM_CORP_SECRET (and WECOM_BASE_URL), then
  wecom-media upload image photo.jpg --here        one command, no other process needed
  wecom-media download MEDIA_ID -o photo.jpg --here
  REDIS_URL=redis://… wecom-media serve            a worker for the queues
  REDIS_URL=redis://… wecom-media upload file a.pdf   put a job on the queue and wait for its result

Exit codes: 0 done · 1 the job failed · 2 wrong usage or settings · 3 cannot connect · 130 interrupted`
