/** `wecom-media serve`: workers for every queue and what listens, or one of the two, until SIGTERM. */

import { type Command, Option } from 'commander'
import { type App, type AppOptions, startApp } from '../app.ts'
import { endsWithin, systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { createLog, type Logger } from '../log.ts'
import { asUsage, CommandError } from './exit.ts'
import { allSettings, explain } from './help.ts'
import { missingRoots, redisFor, settingsFor } from './settings.ts'
import { untilSignal } from './signals.ts'

export const serve = (program: Command): void => {
  const command = program
    .command('serve')
    .description(
      'run workers for every queue, the HTTP API (with tokens) and callbacks (with keys), until SIGTERM or Ctrl-C',
    )
    .addOption(
      new Option('--only <part>', 'one of the two, to scale them apart').choices(['http', 'workers']),
    )
    .action(run)
  const examples = [
    'REDIS_URL=redis://127.0.0.1:6379 WECOM_MEDIA_ROOTS=/srv/media wecom-media serve',
    'WECOM_MEDIA_TOKENS=tokens.json WECOM_MEDIA_FILES=/srv/shared wecom-media serve --only http',
  ]
  explain(command, examples, allSettings)
}

/** Containers start in any order, ms. */
const redisPatienceMs = 15_000

type Flags = Pick<AppOptions, 'only'>

async function run({ only }: Flags): Promise<void> {
  const config = await settingsFor({ apps: true })
  const log = createLog(config.logLevel, { format: config.logFormat })
  const signalled = untilSignal()
  const redis = await unless(signalled, 0, redisFor(config, { patienceMs: redisPatienceMs }))
  try {
    if (config.redisUrl === undefined)
      log.warn({ redis: redis.how }, 'no REDIS_URL: jobs live only as long as this process')
    if (only !== 'http') await warnOfRoots(config, log)
    const starting = start(config, { redisUrl: redis.url, log, ...(only && { only }) })
    const app = await unless(signalled, config.graceMs, starting)
    log.info(
      {
        ...{ baseUrl: config.baseUrl, admin: app.url, public: app.publicUrl, redis: redis.how },
        apps: Object.keys(config.apps),
      },
      'ready',
    )
    const signal = await signalled
    log.info({ signal, graceMs: config.graceMs }, 'stopping')
    const isClosed = await endsWithin(app.stop(), config.graceMs + closingMs, systemClock)
    if (isClosed) log.info('stopped')
    else log.warn('stopped, although not everything could be closed: is Redis away?')
  } finally {
    await redis.stop()
  }
}

/** What closing everything may take after the grace, ms: connections to a Redis that is away never say goodbye. */
const closingMs = 8_000

/** A start that is interrupted may still end for so long: what has begun is better stopped than left. */
const unless = <T>(signalled: Promise<string>, ms: number, work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    signalled
      .then(() => systemClock.sleep(ms))
      .then(() => Promise.reject(new CommandError('interrupted', 'interrupted before it was ready'))),
  ])

async function warnOfRoots(config: Config, log: Logger): Promise<void> {
  if (config.roots === undefined) log.warn('no WECOM_MEDIA_ROOTS: uploads of local files will be refused')
  const missing = await missingRoots(config)
  if (missing.length > 0) log.warn({ missing }, 'WECOM_MEDIA_ROOTS names folders that are not there')
}

/** Codes of listen(2) and of the lookup before it. */
const addressCodes = /^(EADDRNOTAVAIL|EACCES|ENOTFOUND|EAI_AGAIN)$/

/** Settings that turn out to be wrong only now are wrong usage, too. */
async function start(config: Config, options: AppOptions): Promise<App> {
  try {
    return await asUsage(() => startApp(config, options))
  } catch (error) {
    throw addressRefused(error as NodeJS.ErrnoException & Address, config) ?? error
  }
}

interface Address {
  readonly port?: number
  readonly hostname?: string
}

/** Which of the two listeners could not have its address, and what to set. Where both want the same, moving one is enough. */
function addressRefused(
  { code = '', syscall = '', port, hostname }: NodeJS.ErrnoException & Address,
  config: Config,
): CommandError | undefined {
  if (!/^(listen|getaddrinfo)$/.test(syscall)) return undefined
  const wants = (address: Config['admin']) => port === address.port || hostname === address.host
  const name = wants(config.public) && !wants(config.admin) ? 'public' : 'admin'
  const setting = name === 'public' ? 'WECOM_MEDIA' : 'WECOM_MEDIA_ADMIN'
  const at = `the ${name} address ${config[name].host}:${config[name].port}`
  if (code === 'EADDRINUSE')
    return new CommandError('usage', `${at} is in use: set ${setting}_PORT (0 takes a free one)`)
  if (!addressCodes.test(code)) return undefined
  return new CommandError(
    'usage',
    `${at} cannot be had (${code}): correct ${setting}_HOST and ${setting}_PORT`,
  )
}
