/** Settings and Redis as commands need them: mistakes end with the exit code for usage, a missing Redis with its own. */

import { stat } from 'node:fs/promises'
import { systemClock } from '../clock.ts'
import { type Config, demandApps, readConfig } from '../config.ts'
import { type FoundRedis, findRedis } from '../embedded-redis.ts'
import { Fault } from '../fault.ts'
import { createLog, type Logger } from '../log.ts'
import { namespaceOf } from '../namespace.ts'
import { connectProducer, firstAnswer, placeOf, readAddress } from '../redis.ts'
import { asUsage, CommandError, say } from './exit.ts'

interface Needs {
  /** This app must be among them. */
  readonly app?: string
  /** Any app must. Default: when `app` is given. */
  readonly apps?: boolean
}

/** Reads the settings, and tells now what would be told later. */
export const settingsFor = ({ app, apps = app !== undefined }: Needs): Promise<Config> =>
  asUsage(() => {
    const config = readConfig()
    namespaceOf(config.baseUrl, config.prefix)
    if (config.redisUrl !== undefined) readAddress(config.redisUrl)
    if (apps) demandApps(config)
    if (app !== undefined && !Object.hasOwn(config.apps, app)) {
      const known = Object.keys(config.apps).join(', ')
      throw new Fault('config', `no app is called "${app}": the settings know ${known}`)
    }
    return config
  })

/** Roots that are no folders here: their files will not be found. */
export async function missingRoots({ roots = [] }: Config): Promise<string[]> {
  const found = await Promise.all(roots.map(root => stat(root).catch(() => undefined)))
  return roots.filter((_root, index) => !found[index]?.isDirectory())
}

/** Logs of a worker that a person waits for: only what went wrong, unless asked for more. */
export const quietLog = ({ logLevel, logFormat: format }: Config): Logger =>
  createLog(logLevel === 'info' ? 'error' : logLevel, { format })

/** A person waits this long for Redis; `serve` longer, because containers start in any order. */
const patienceMs = 3_000

/** The given Redis, checked; or one of our own, unless this is production. */
export async function redisFor(
  config: Config,
  waiting: { readonly patienceMs?: number; readonly signal?: AbortSignal } = {},
): Promise<FoundRedis> {
  if (config.redisUrl === undefined && config.isProduction) {
    throw new CommandError('usage', 'set REDIS_URL: in production no Redis is started here', 'config')
  }
  try {
    const redis = await findRedis({ url: config.redisUrl, say })
    await answers(redis.url, waiting.patienceMs ?? patienceMs, waiting.signal)
    return redis
  } catch (error) {
    throw error instanceof Fault ? new CommandError('unreachable', error.message) : error
  }
}

/** A Redis that is there answers sooner; who waits longer wants to know for what. */
const quietMs = 1_000

async function answers(url: string, patienceMs: number, signal: AbortSignal | undefined): Promise<void> {
  const probe = connectProducer(url)
  const answered = new AbortController()
  const late = `waiting up to ${patienceMs / 1_000} s for Redis at ${placeOf(readAddress(url))}`
  systemClock.sleep(quietMs, answered.signal).then(
    () => say(late),
    () => undefined,
  )
  try {
    await firstAnswer(probe, patienceMs, signal)
  } finally {
    answered.abort()
    probe.disconnect()
  }
}
