/** `wecom-media simulate`: the platform on localhost, until Ctrl-C. */

import { type Command, Option } from 'commander'
import { simulate as startSimulator } from '../simulator/index.ts'
import { CommandError } from './exit.ts'
import { explain } from './help.ts'
import { untilSignal } from './signals.ts'

interface SimulateFlags {
  readonly port: number
  readonly host: string
  readonly corp?: string
  readonly secret?: string
  readonly callbackUrl?: string
  readonly callbackToken?: string
  readonly callbackAesKey?: string
}

export const simulate = (program: Command): void => {
  const command = program
    .command('simulate')
    .description('run the simulator of the platform until Ctrl-C; one line of JSON tells where it is')
    .addOption(new Option('--port <port>', '0 takes a free one').default(0).argParser(parsePort))
    .addOption(
      new Option('--host <address>', 'where to listen').default('127.0.0.1').argParser(notEmpty('--host')),
    )
    .addOption(
      new Option('--corp <id>', 'CorpID of its one company; default: one for tests').argParser(
        notEmpty('--corp'),
      ),
    )
    .addOption(
      new Option('--secret <secret>', 'secret of its one app; default: one for tests').argParser(
        notEmpty('--secret'),
      ),
    )
    .option('--callback-url <url>', 'where its callbacks go; needs the other two')
    .option('--callback-token <token>', '1 to 32 letters and digits')
    .option('--callback-aes-key <key>', 'the EncodingAESKey, 43 letters and digits')
    .action(run)
  explain(command, [
    'wecom-media simulate --port 8080 --corp ww1 --secret s1',
    'WECOM_BASE_URL=http://127.0.0.1:8080/cgi-bin WECOM_CORP_ID=ww1 WECOM_CORP_SECRET=s1 \\',
    '  wecom-media upload image photo.jpg --here',
  ])
}

async function run(flags: SimulateFlags): Promise<void> {
  // Heard from the first moment: whoever reads the line may want an end at once.
  const asked = untilSignal()
  const { port, host, corp, secret } = flags
  const options = { port, host, corpId: corp, secret, callback: callbackOf(flags) }
  const simulator = await startSimulator(options, process.stdout).catch((error: Error) => {
    throw new CommandError('usage', error.message)
  })
  await asked
  await simulator.stop()
}

/** Where callbacks go: all three flags, or none. */
function callbackOf({ callbackUrl: url, callbackToken: token, callbackAesKey: aesKey }: SimulateFlags) {
  if (url !== undefined && token !== undefined && aesKey !== undefined) return { url, token, aesKey }
  if (url === undefined && token === undefined && aesKey === undefined) return undefined
  throw new CommandError(
    'usage',
    'give --callback-url, --callback-token and --callback-aes-key, or none of them',
  )
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port
  throw new CommandError('usage', `"${text}" is no port: 0 to 65535`)
}

const notEmpty =
  (flag: string) =>
  (text: string): string => {
    if (text !== '') return text
    throw new CommandError('usage', `${flag} is empty: give a value, or leave it out`)
  }
