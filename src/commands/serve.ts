/** `wecom-media serve`: workers for every queue, until SIGTERM. */

import type { Command } from 'commander'
import { startApp } from '../app.ts'
import { createLog } from '../log.ts'
import { CommandError } from './exit.ts'
import { redisFor, settingsFor } from './settings.ts'
import { untilSignal } from './signals.ts'

export const serve = (program: Command): void => {
  program
    .command('serve')
    .description('run workers for every queue; settings come from the environment')
    .action(run)
}

async function run(): Promise<void> {
  const config = settingsFor({ needsApp: true })
  const log = createLog(config.logLevel)
  const redis = await redisFor(config)
  if (config.redisUrl === undefined)
    log.warn({ redis: redis.how }, 'no REDIS_URL: jobs live only as long as this process')
  if (config.roots === undefined) log.warn('no WECOM_MEDIA_ROOTS: uploads of local files will be refused')
  const app = await startApp(config, { redisUrl: redis.url, log }).catch(async error => {
    await redis.stop()
    throw error.code === 'EADDRINUSE' ? new CommandError('usage', portTaken(config.admin)) : error
  })
  log.info(
    { baseUrl: config.baseUrl, admin: app.url, redis: redis.how, apps: Object.keys(config.apps) },
    'ready',
  )
  const name = await untilSignal()
  log.info({ signal: name, graceMs: config.graceMs }, 'stopping')
  await app.stop()
  await redis.stop()
}

const portTaken = ({ host, port }: { host: string; port: number }): string =>
  `the admin address ${host}:${port} is in use: set WECOM_MEDIA_ADMIN_PORT (0 takes a free one)`
