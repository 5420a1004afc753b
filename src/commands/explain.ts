/** `wecom-media explain <errcode>`: what the platform means by a code, who must act, and what jobs do about it. Asks nobody. */

import type { Command } from 'commander'
import { Fault, type Kind } from '../fault.ts'
import { type Outcome, outcomeOf } from '../processors/outcome.ts'
import { docOf } from '../wecom/errcodes.ts'
import { type Explained, explainErrcode, type Who } from '../wecom/index.ts'
import { CommandError, printResult } from './exit.ts'
import { explain as addHelp } from './help.ts'

export const explain = (program: Command): void => {
  const command = program
    .command('explain')
    .description('tell what an errcode of the platform means, who must act, and what jobs do')
    .argument('<errcode>', 'as it stands in a fault or an answer', parseCode)
    .action(run)
  addHelp(command, ['wecom-media explain 45033', 'wecom-media explain -1'])
}

function parseCode(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text)
  throw new CommandError('usage', `"${text}" is no errcode: write the number, such as 45033`)
}

function run(code: number): void {
  const found = explainErrcode(code)
  if (!found) throw new Fault('not-found', `errcode ${code} is not in our table: see ${docOf(code)}`)
  const { en, zh, kind, who, act, doc } = found
  const job = outcomeFor(found)
  printResult({ errcode: code, en, zh, kind, who, act, job, doc }, [
    ['errcode', String(code)],
    ['means', `${en} (${zh})`],
    ['kind', kind],
    ['jobs', inWords(kind, job)],
    ['who acts', whoInWords[who]],
    ['what to do', act],
    ['see', doc],
  ])
}

type JobOutcome = { readonly as: Outcome<never>['as']; readonly ms?: number }

/** Of a young job with attempts left. */
function outcomeFor({ kind, code, waitMs }: Explained): JobOutcome {
  const facts = { errcode: code, ...(waitMs !== undefined && { waitMs }) }
  const ending = { busyTries: 0, remainingMs: Number.POSITIVE_INFINITY, isLastAttempt: false }
  const outcome = outcomeOf(new Fault(kind, '', facts), ending)
  return outcome.as === 'wait' ? { as: outcome.as, ms: outcome.ms } : { as: outcome.as }
}

function inWords(kind: Kind, { as, ms = 0 }: JobOutcome): string {
  const special = specialWords[kind]
  const also = special === undefined ? '' : `; ${special}`
  if (as === 'wait') return `wait ${ms / 1_000} s without losing an attempt, until their deadline${also}`
  if (as === 'retry') return `try again with growing gaps while they have attempts${also}`
  return `end${also}`
}

/** What is done besides, by the client or for the fleet. */
const specialWords: Readonly<Partial<Record<Kind, string>>> = {
  busy: 'at most 3 times',
  token: 'before that the client renews the token and calls once more',
  unavailable: 'meanwhile the app is closed for all workers but for one call a minute',
}

const whoInWords: Readonly<Record<Who, string>> = {
  nobody: 'nobody: waiting or the client itself mends it',
  caller: 'the caller, who wrote the job or made the file',
  operator: 'the operator, who runs and configures this',
  administrator: 'an administrator of the company, in the admin console',
  provider: 'the service provider, in its console',
  developer: 'the developers of wecom-media',
}
