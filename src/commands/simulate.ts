/** `wecom-media simulate`: the platform on localhost, until Ctrl-C. */

import { type Command, Option } from 'commander'
import { simulate as startSimulator } from '../simulator/index.ts'
import { CommandError } from './exit.ts'
import { untilSignal } from './signals.ts'

interface SimulateFlags {
  readonly port: number
  readonly host: string
  readonly corp?: string
  readonly secret?: string
}

export const simulate = (program: Command): void => {
  program
    .command('simulate')
    .description('run the simulator of the platform; prints one line of JSON when it is ready')
    .addOption(new Option('--port <port>', '0 takes a free one').default(0).argParser(parsePort))
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--corp <id>', 'CorpID of the one company')
    .option('--secret <secret>', 'secret of its one app')
    .action(run)
}

async function run({ port, host, corp, secret }: SimulateFlags): Promise<void> {
  const options = { port, host, corpId: corp, secret }
  const simulator = await startSimulator(options, process.stdout).catch((error: Error) => {
    throw new CommandError('usage', error.message)
  })
  await untilSignal()
  await simulator.stop()
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port
  throw new CommandError('usage', `"${text}" is no port: 0 to 65535`)
}
