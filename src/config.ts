/** The only reader of the environment; all mistakes are reported at once, by name. The table of settings is config-settings.ts. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { type AppsConfig, readApps, readSecret } from './config-apps.ts'
import { type BoardConfig, boardFrom } from './config-board.ts'
import { type Folders, foldersFrom } from './config-folders.ts'
import { appOfEnvironment, checkedIds } from './config-own-app.ts'
import { redisUrlFrom } from './config-redis.ts'
import { settings } from './config-settings.ts'
import { checkedTokens, readTokens, type TokenConfig } from './config-tokens.ts'
import { type WebhooksConfig, webhooksFrom } from './config-webhooks.ts'
import { Fault } from './fault.ts'
import type { WebPolicy } from './files/web-policy.ts'
import type { LimitsConfig } from './limits/index.ts'

export type { Right, TokenConfig } from './config-tokens.ts'
export { settings }

type SettingName = keyof typeof settings
export type Environment = Readonly<Record<string, string | undefined>>

export interface Config extends Folders {
  readonly baseUrl: string
  readonly prefix: string
  readonly redisUrl: string | undefined
  /** By configured id; `default` comes from the environment unless the file has one. */
  readonly apps: AppsConfig['apps']
  readonly suites: AppsConfig['suites']
  /** Absolute; undefined where nothing was said. */
  readonly roots: readonly string[] | undefined
  readonly concurrency: number
  readonly sliceBytes: number
  readonly parallelSlices: number
  readonly maxDownloadBytes: number
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  readonly graceMs: number
  /** Of media_ids that are kept alive. */
  readonly renewBeforeMs: number
  readonly renewLookMs: number
  /** Of sources behind URLs. */
  readonly web: WebPolicy
  readonly webhooks: WebhooksConfig
  readonly public: { readonly host: string; readonly port: number }
  readonly admin: { readonly host: string; readonly port: number }
  /** Who may use the HTTP API; nobody: there is none. */
  readonly tokens: readonly TokenConfig[]
  /** Of one token, per process. */
  readonly requestsPerSecond: number
  /** The dashboard, if there is one. */
  readonly board: BoardConfig | undefined
  readonly limits: LimitsConfig
  readonly egress: string
  readonly assumeSpent: boolean
  readonly logLevel: string
  readonly logFormat: 'auto' | 'json' | 'pretty'
  readonly isProduction: boolean
}

const schema = z.object(
  Object.fromEntries(Object.entries(settings).map(([name, row]) => [name, row.schema])) as {
    [K in SettingName]: (typeof settings)[K]['schema']
  },
)

/** Throws `config` with every mistake. An empty variable counts as not set. */
export function readConfig(environment: Environment = process.env, cwd: string = process.cwd()): Config {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const { values, mistakes } = withSecretFiles(set)
  const parsed = schema.safeParse(values)
  if (!parsed.success) {
    mistakes.push(...parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`))
  }
  // What the files say is wrong is told beside the rest.
  const files = {
    named: read(set['WECOM_MEDIA_APPS'], path => readApps(resolve(cwd, path), environment), mistakes),
    tokens: read(set['WECOM_MEDIA_TOKENS'], path => readTokens(resolve(cwd, path)), mistakes),
  }
  if (!parsed.success || mistakes.length > 0) throw new Fault('config', `settings: ${mistakes.join('; ')}`)
  return configFrom(parsed.data, files, cwd)
}

function read<T>(path: string | undefined, from: (path: string) => T, mistakes: string[]): T | undefined {
  if (path === undefined) return undefined
  try {
    return from(path)
  } catch (error) {
    mistakes.push((error as Fault).message)
    return undefined
  }
}

/** Puts what a `…_FILE` names in the place of the setting itself. */
function withSecretFiles(set: Readonly<Record<string, string | undefined>>) {
  const values = { ...set }
  const mistakes: string[] = []
  for (const file of Object.keys(settings).filter(name => name.endsWith('_FILE'))) {
    const [name, path] = [file.slice(0, -'_FILE'.length), set[file]]
    if (path === undefined) continue
    if (set[name] !== undefined) mistakes.push(`${name} and ${file} are both set: leave one out`)
    try {
      values[name] = readSecret(path)
    } catch (error) {
      mistakes.push(`${file}: ${(error as Error).message}`)
    }
  }
  return { values, mistakes }
}

interface Files {
  readonly named: AppsConfig | undefined
  readonly tokens: readonly TokenConfig[] | undefined
}

function configFrom(env: z.output<typeof schema>, files: Files, cwd: string): Config {
  const { named = { apps: {}, suites: {} }, tokens = [] } = files
  const apps = { ...checkedIds(appOfEnvironment(env), named), ...named.apps }
  return {
    baseUrl: env.WECOM_BASE_URL,
    prefix: env.WECOM_MEDIA_PREFIX,
    redisUrl: redisUrlFrom(env),
    apps,
    suites: named.suites,
    roots: env.WECOM_MEDIA_ROOTS?.map(folder => resolve(cwd, folder)),
    ...foldersFrom(env.WECOM_MEDIA_FILES, env.WECOM_MEDIA_DOWNLOADS, cwd),
    concurrency: env.WECOM_MEDIA_CONCURRENCY,
    sliceBytes: env.WECOM_MEDIA_SLICE_BYTES,
    parallelSlices: env.WECOM_MEDIA_PARALLEL_SLICES,
    maxDownloadBytes: env.WECOM_MEDIA_MAX_DOWNLOAD_BYTES,
    lockDurationMs: env.WECOM_MEDIA_LOCK_MS,
    stalledIntervalMs: env.WECOM_MEDIA_STALLED_MS,
    graceMs: env.WECOM_MEDIA_GRACE_MS,
    renewBeforeMs: env.WECOM_MEDIA_RENEW_BEFORE_MS,
    renewLookMs: env.WECOM_MEDIA_RENEW_LOOK_MS,
    web: {
      hosts: env.WECOM_MEDIA_URLS,
      ports: env.WECOM_MEDIA_URL_PORTS,
      privateNets: env.WECOM_MEDIA_URL_NETS,
    },
    webhooks: webhooksFrom(env),
    public: { host: env.WECOM_MEDIA_HOST, port: env.WECOM_MEDIA_PORT },
    admin: { host: env.WECOM_MEDIA_ADMIN_HOST, port: env.WECOM_MEDIA_ADMIN_PORT },
    tokens: checkedTokens(tokens, apps),
    requestsPerSecond: env.WECOM_MEDIA_REQUESTS_PER_SECOND,
    board: boardFrom(env),
    limits: env.WECOM_MEDIA_LIMITS ?? {},
    egress: env.WECOM_MEDIA_EGRESS,
    assumeSpent: env.WECOM_MEDIA_ASSUME_SPENT,
    ...{ logLevel: env.LOG_LEVEL, logFormat: env.LOG_FORMAT },
    isProduction: env.NODE_ENV === 'production',
  }
}

/** Throws `config` when no app is configured: whoever calls the platform needs one. */
export function demandApps({ apps }: Config): void {
  if (Object.keys(apps).length > 0) return
  throw new Fault(
    'config',
    'no app is configured: set WECOM_CORP_ID and WECOM_CORP_SECRET (the simulator prints a pair), or WECOM_MEDIA_APPS',
  )
}
