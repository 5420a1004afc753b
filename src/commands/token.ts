/** `wecom-media token`: a new token for the HTTP API. It is shown once; the settings keep its hash only. */

import type { Command } from 'commander'
import { hashOfToken, newToken } from '../http/tokens.ts'
import { CommandError, printResult } from './exit.ts'
import { explain } from './help.ts'

interface Flags {
  readonly apps: string
  readonly readOnly?: true
}

export const token = (program: Command): void => {
  const command = program
    .command('token <name>')
    .description('make a token for the HTTP API, and print the row of the tokens file that lets it in')
    .option('--apps <ids>', 'apps that it is for, separated by ","; "*" for all', 'default')
    .option('--read-only', 'it may look, and hand over nothing')
    .action(run)
  explain(command, ['wecom-media token shop', 'wecom-media token dashboard --apps "*" --read-only'])
}

const nameForm = /^[A-Za-z0-9_-]{1,64}$/
const appForm = /^(\*|[A-Za-z0-9_-]{1,64})$/

function run(name: string, { apps, readOnly }: Flags): void {
  const named = apps.split(',').map(app => app.trim())
  if (!nameForm.test(name))
    throw new CommandError('usage', 'a name has letters, digits, - and _, at most 64: choose another')
  const wrong = named.find(app => !appForm.test(app))
  if (wrong !== undefined)
    throw new CommandError('usage', `--apps: "${wrong}" is no id of an app: use letters, digits, - and _`)
  const secret = newToken()
  const row = {
    ...{ name, sha256: hashOfToken(secret), apps: named },
    rights: readOnly ? ['read'] : ['read', 'write'],
  }
  printResult({ token: secret, row }, [
    ['token', `${secret}   (give it to the caller; it can't be shown again)`],
    ['row', `${JSON.stringify(row)}   (of "tokens" in the file WECOM_MEDIA_TOKENS)`],
  ])
}
