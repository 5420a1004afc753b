/** Is this a Redis that jobs and limits can be trusted to? What it hides from us is said, not guessed. */

import { openLimits } from '../../app/limiting.ts'
import { systemClock } from '../../clock.ts'
import type { Config } from '../../config.ts'
import { Fault } from '../../fault.ts'
import { createRules, checkRedis as mayKeepLimits } from '../../limits/index.ts'
import {
  type connectProducer,
  connectSubscriber,
  demandPermissions,
  firstAnswer,
  placeOf,
  primariesOf,
  readAddress,
} from '../../redis.ts'
import type { Gate } from '../../wecom/index.ts'
import { type Finding, failed, finding, ok, skipped } from './finding.ts'

export type Redis = ReturnType<typeof connectProducer>

const patienceMs = 3_000

/** Whether it answers, and if so four things more about it. */
export async function checkRedis(redis: Redis, url: string, namespace: string): Promise<Finding[]> {
  const there = await finding('redis', async () => {
    await firstAnswer(redis, patienceMs)
    return `answers at ${placeOf(readAddress(url))}`
  })
  if (there.state === 'failed') return [there]
  const rights = await finding('redis permissions', () => rightsOf(redis, url, namespace))
  const memory = await finding('redis memory', () => memoryOf(redis))
  const each = await Promise.all(primariesOf(redis).map(lookAtServer))
  const [version, kept] = [worst(each.map(([version]) => version)), worst(each.map(([, kept]) => kept))]
  return [there, version, rights, memory, kept]
}

async function rightsOf(redis: Redis, url: string, namespace: string): Promise<string> {
  const subscriber = connectSubscriber(url)
  try {
    await demandPermissions({ redis, subscriber }, namespace)
  } finally {
    subscriber.disconnect()
  }
  return 'this user may do what a worker does'
}

type Server = ReturnType<typeof primariesOf>[number]

async function lookAtServer(server: Server): Promise<readonly [Finding, Finding]> {
  const info = await server.info().catch(() => '')
  return [checkVersion(info), await checkPersistence(server, info)]
}

/** Of the primaries of a cluster. */
const worst = (findings: readonly Finding[]): Finding =>
  findings.find(({ state }) => state === 'failed') ??
  findings.find(({ state }) => state === 'skipped') ??
  (findings[0] as Finding)

/** Of INFO. */
const fieldIn = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:([^\\s]*)`, 'm').exec(info)?.[1]

/** Valkey comes first: it tells a version of Redis as well, which it is compatible with. */
const servers = [
  { name: 'Valkey', field: 'valkey_version', oldest: 8 },
  { name: 'Redis', field: 'redis_version', oldest: 6.2 },
] as const

function checkVersion(info: string): Finding {
  const what = 'redis version'
  for (const { name, field, oldest } of servers) {
    const version = fieldIn(info, field)
    if (version === undefined) continue
    if (Number.parseFloat(version) >= oldest) return ok(what, `${name} ${version}`)
    return failed(what, new Fault('config', `${name} ${version} is too old: use ${oldest} or later`))
  }
  return skipped(what, 'this user may not ask for INFO: make sure that it is Redis 6.2 or Valkey 8, or later')
}

/** As a worker looks at it when it starts. */
async function memoryOf(redis: Redis): Promise<string> {
  const { warnings } = await mayKeepLimits(redis, systemClock, createRules({}))
  return ['evicts no keys', ...warnings].join('; ')
}

const off = new Fault(
  'config',
  'Redis keeps nothing on disk: its restart would lose jobs; set appendonly to yes, in redis.conf or with CONFIG SET',
)
const broken = new Fault('config', 'Redis could not write to its disk the last time: see its log')

async function checkPersistence(redis: Server, info: string): Promise<Finding> {
  const what = 'redis persistence'
  const written = [fieldIn(info, 'aof_last_write_status'), fieldIn(info, 'rdb_last_bgsave_status')]
  if (written.includes('err')) return failed(what, broken)
  if (fieldIn(info, 'aof_enabled') === '1') return ok(what, 'append-only file')
  const asked = await redis.config('GET', 'save').catch(() => undefined)
  if (!Array.isArray(asked))
    return skipped(what, 'this user may not ask for CONFIG: make sure that appendonly is yes')
  const snapshots = asked.flat()[1]
  if (snapshots === '') return failed(what, off)
  return ok(
    what,
    'snapshots only: a restart loses the jobs since the last one; appendonly yes loses a second',
  )
}

export function withoutRedis({ isProduction }: Config): Finding {
  const what = 'redis'
  if (isProduction)
    return failed(what, new Fault('config', 'set REDIS_URL: in production no Redis is started here'))
  return skipped(what, 'no REDIS_URL: a Redis is started for each command, and jobs die with it')
}

/** The fleet's limits, for our one call; undefined where they can't be kept. */
export const openGate = (redis: Redis, config: Config, namespace: string): Promise<Gate | undefined> =>
  openLimits(config, { redis, namespace }).then(
    ({ gate }) => gate,
    () => undefined,
  )
