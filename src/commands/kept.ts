/** `wecom-media kept [name]`: the names that media_ids are kept alive under, and how each of them stands. */

import Table from 'cli-table3'
import type { Command } from 'commander'
import { Fault } from '../fault.ts'
import type { KeptMedia } from '../queues/kept.ts'
import { sizeOf } from './bar.ts'
import { CommandError, isForPrograms, printObject, printResult, say } from './exit.ts'
import { localTime } from './follow.ts'
import { explain } from './help.ts'
import { withSession } from './session.ts'
import { settingsFor } from './settings.ts'

interface KeptFlags {
  readonly app?: string
  readonly letGo?: true
}

export const kept = (program: Command): void => {
  const command = program
    .command('kept')
    .description('show the media_ids that are kept alive, one of them, or let go of one')
    .argument('[name]', 'as in upload --keep-alive')
    .option('--app <id>', 'of this app; default: all, and with a name "default"')
    .option('--let-go', 'renew it no more; the media_id lives to its own end')
    .action(run)
  explain(
    command,
    ['wecom-media kept', 'wecom-media kept logo | jq -r .mediaId', 'wecom-media kept logo --let-go'],
    ['REDIS_URL', 'WECOM_BASE_URL', 'WECOM_MEDIA_PREFIX'],
  )
}

async function run(name: string | undefined, { app, letGo }: KeptFlags): Promise<void> {
  if (letGo && name === undefined) throw new CommandError('usage', '--let-go needs the name to let go of')
  const config = await settingsFor({})
  await withSession(config, false, async ({ producer }) => {
    const of = app === undefined ? {} : { app }
    if (name === undefined) return printAll(await producer.keptNames(of))
    const wasKept = letGo && (await producer.letGo({ ...of, name }))
    const found = await producer.kept({ ...of, name })
    if (!found) throw unknown(name, app)
    if (letGo && !wasKept) say(`nobody renewed "${name}" any more: it had ended ${endOf(found)}`)
    printOne(found)
  })
}

const endOf = ({ endedAtMs = 0 }: KeptMedia): string => localTime(endedAtMs)

const unknown = (name: string, app = 'default'): Fault =>
  new Fault(
    'not-found',
    `nothing is kept alive as "${name}" for app "${app}": "wecom-media kept" lists what is`,
  )

function printAll(all: readonly KeptMedia[]): void {
  if (isForPrograms()) return void printObject({ kept: all })
  if (all.length === 0) {
    say('nothing is kept alive: see "wecom-media upload --help", --keep-alive')
    return
  }
  const head = ['app', 'name', 'state', 'media_id', 'expires', 'next renewal', 'kept until']
  const table = new Table({ head, style: { head: [], border: [] } })
  for (const { app, name, state, mediaId = '–', expiresAtMs, renewalDueAtMs, untilMs } of all)
    table.push([app, name, state, mediaId, time(expiresAtMs), time(renewalDueAtMs), time(untilMs)])
  process.stdout.write(`${table.toString()}\n`)
  for (const { name, fault } of all) if (fault) say(`${name}: ${fault.message}`)
}

const time = (ms: number | undefined): string => (ms === undefined ? '–' : localTime(ms))

function printOne(one: KeptMedia): void {
  const { name, app, state, mediaId, fileName, sizeBytes = 0, type, source, fault } = one
  const lines: (readonly [string, string | undefined])[] = [
    ['media_id', mediaId ?? 'none yet'],
    ['name', `${name} (app ${app})`],
    ['state', state],
    ['file', fileName && `${fileName} (${type}, ${sizeOf(sizeBytes)})`],
    ['source', source],
    ['expires', one.expiresAtMs === undefined ? undefined : localTime(one.expiresAtMs)],
    ['renewed', one.renewedAtMs && `${localTime(one.renewedAtMs)}, ${one.renewals} in all`],
    ['next renewal', one.renewalDueAtMs === undefined ? undefined : localTime(one.renewalDueAtMs)],
    ['kept until', localTime(one.untilMs)],
    ['ended', one.endedAtMs === undefined ? undefined : `${endOf(one)} (${one.endedBy})`],
    ['fails since', one.failingSinceMs && `${localTime(one.failingSinceMs)}, ${one.failures} in all`],
    ['because', fault?.message],
  ].map(([label, value]) => [String(label), value === undefined ? undefined : String(value)] as const)
  printResult(
    one,
    lines.flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const])),
  )
}
