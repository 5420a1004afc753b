/** `wecom-media demo`: real files up and down again, and every other way of the platform, on a real Redis and the simulator. */

import { join } from 'node:path'
import type { Command } from 'commander'
import { Fault } from '../fault.ts'
import { closingAfter } from './closers.ts'
import { roundTrips } from './demo-files.ts'
import { otherWays } from './demo-methods.ts'
import { account, build, files, type Stage } from './demo-stage.ts'
import { fileTable, methodTable } from './demo-table.ts'
import { CommandError, say } from './exit.ts'
import { explain } from './help.ts'
import { onInterrupt } from './signals.ts'

export const demo = (program: Command): void => {
  const command = program
    .command('demo')
    .description('show every way of the platform on the simulator, with real files; needs only this package')
    .option('--keep', 'stay up afterwards and print where to look')
    .action(run)
  explain(command, ['wecom-media demo --keep'], ['REDIS_URL'])
}

const run = ({ keep = false }: { readonly keep?: boolean }): Promise<void> =>
  closingAfter(async closers => {
    const interrupted = new AbortController()
    closers.defer(onInterrupt(() => interrupted.abort()))
    const { signal } = interrupted
    try {
      const stage = await build(closers)
      await show(stage, signal)
      if (keep) await stayUp(stage, signal)
    } catch (error) {
      throw signal.aborted ? new CommandError('interrupted', 'interrupted') : error
    }
  })

async function show(stage: Stage, signal: AbortSignal): Promise<void> {
  const rows = await roundTrips(stage, signal)
  process.stdout.write(`\n${fileTable(rows)}\n\n`)
  const same = rows.filter(row => row.same).length
  if (same < rows.length)
    throw new Fault('rejected', `${rows.length - same} of ${rows.length} files came back with other bytes`)
  say(`${same} of ${rows.length} files came back with the same bytes.`)
  const ways = await otherWays(stage, signal)
  process.stdout.write(`\n${methodTable(ways)}\n\n`)
  const wrong = ways.filter(({ isRight }) => !isRight).map(({ what }) => what)
  if (wrong.length > 0) throw new Fault('rejected', `not as expected: ${wrong.join('; ')}`)
}

/** Until Ctrl-C, which is its normal end. */
async function stayUp({ simulator, redis, metricsUrl }: Stage, signal: AbortSignal): Promise<void> {
  const { baseUrl, controlUrl } = simulator
  const { corpId, secret } = account
  say(`
Still running; Ctrl-C ends it.
  metrics            ${metricsUrl}
  calls received     ${controlUrl}/log
  from another shell
    export REDIS_URL=${redis.url} WECOM_BASE_URL=${baseUrl} WECOM_CORP_ID=${corpId} WECOM_CORP_SECRET=${secret}
    npx wecom-media upload image ${join(files, 'photo.jpg')}`)
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
}
