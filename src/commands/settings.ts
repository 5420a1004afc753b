/** Settings and Redis as commands need them: mistakes end with the exit code for usage, a missing Redis with its own. */

import { type Config, demandApps, readConfig } from '../config.ts'
import { type FoundRedis, findRedis } from '../embedded-redis.ts'
import { Fault } from '../fault.ts'
import { createLog, type Logger } from '../log.ts'
import { connectProducer, firstAnswer } from '../redis.ts'
import { CommandError } from './exit.ts'

/** Reads the settings; with `needsApp`, credentials must be among them. */
export function settingsFor({ needsApp }: { readonly needsApp: boolean }): Config {
  try {
    const config = readConfig()
    if (needsApp) demandApps(config)
    return config
  } catch (error) {
    throw error instanceof Fault ? new CommandError('usage', error.message) : error
  }
}

/** Logs of a command that a person waits for: only what went wrong, unless asked for more. */
export const quietLog = ({ logLevel }: Config): Logger => createLog(logLevel === 'info' ? 'error' : logLevel)

const patienceMs = 5_000

/** The given Redis, checked; or one of our own, unless this is production. */
export async function redisFor(config: Config): Promise<FoundRedis> {
  if (config.redisUrl === undefined && config.isProduction) {
    throw new CommandError('usage', 'set REDIS_URL: in production no Redis is started here')
  }
  try {
    const redis = await findRedis({ url: config.redisUrl, say })
    await answers(redis.url)
    return redis
  } catch (error) {
    throw error instanceof Fault ? new CommandError('unreachable', error.message) : error
  }
}

async function answers(url: string): Promise<void> {
  const probe = connectProducer(url)
  try {
    await firstAnswer(probe, patienceMs)
  } finally {
    probe.disconnect()
  }
}

export const say = (line: string): void => void process.stderr.write(`${line}\n`)
