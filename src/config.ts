/** The only reader of the environment; all mistakes are reported at once, by name. The table of settings is config-settings.ts. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { type AppConfig, type AppsConfig, type CallbackConfig, readApps, readSecret } from './config-apps.ts'
import { settings } from './config-settings.ts'
import { Fault } from './fault.ts'
import type { WebPolicy } from './files/web-policy.ts'
import type { LimitsConfig } from './limits/index.ts'

export { settings }

type SettingName = keyof typeof settings
export type Environment = Readonly<Record<string, string | undefined>>

export interface Config {
  readonly baseUrl: string
  readonly prefix: string
  readonly redisUrl: string | undefined
  /** By configured id; `default` comes from the environment unless the file has one. */
  readonly apps: AppsConfig['apps']
  readonly suites: AppsConfig['suites']
  /** Absolute; undefined where nothing was said. */
  readonly roots: readonly string[] | undefined
  /** Absolute. */
  readonly downloads: string
  readonly concurrency: number
  readonly sliceBytes: number
  readonly parallelSlices: number
  readonly maxDownloadBytes: number
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  readonly graceMs: number
  /** Of sources behind URLs. */
  readonly web: WebPolicy
  /** Who may be told of ends of jobs, and the secrets that sign it, the newest first. */
  readonly webhooks: { readonly web: WebPolicy; readonly secrets: readonly string[] }
  readonly public: { readonly host: string; readonly port: number }
  readonly admin: { readonly host: string; readonly port: number }
  readonly limits: LimitsConfig
  readonly egress: string
  readonly assumeSpent: boolean
  readonly logLevel: string
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
  if (!parsed.success || mistakes.length > 0) throw new Fault('config', `settings: ${mistakes.join('; ')}`)
  const file = parsed.data.WECOM_MEDIA_APPS
  const named = file === undefined ? { apps: {}, suites: {} } : readApps(resolve(cwd, file), environment)
  return configFrom(parsed.data, named, cwd)
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

function configFrom(env: z.output<typeof schema>, named: AppsConfig, cwd: string): Config {
  return {
    baseUrl: env.WECOM_BASE_URL,
    prefix: env.WECOM_MEDIA_PREFIX,
    redisUrl: redisUrlFrom(env),
    apps: { ...checkedIds(appOfEnvironment(env), named), ...named.apps },
    suites: named.suites,
    roots: env.WECOM_MEDIA_ROOTS?.map(folder => resolve(cwd, folder)),
    downloads: resolve(cwd, env.WECOM_MEDIA_DOWNLOADS),
    concurrency: env.WECOM_MEDIA_CONCURRENCY,
    sliceBytes: env.WECOM_MEDIA_SLICE_BYTES,
    parallelSlices: env.WECOM_MEDIA_PARALLEL_SLICES,
    maxDownloadBytes: env.WECOM_MEDIA_MAX_DOWNLOAD_BYTES,
    lockDurationMs: env.WECOM_MEDIA_LOCK_MS,
    stalledIntervalMs: env.WECOM_MEDIA_STALLED_MS,
    graceMs: env.WECOM_MEDIA_GRACE_MS,
    web: {
      hosts: env.WECOM_MEDIA_URLS,
      ports: env.WECOM_MEDIA_URL_PORTS,
      privateNets: env.WECOM_MEDIA_URL_NETS,
    },
    webhooks: {
      web: {
        hosts: env.WECOM_MEDIA_WEBHOOK_HOSTS,
        ports: env.WECOM_MEDIA_WEBHOOK_PORTS,
        privateNets: env.WECOM_MEDIA_WEBHOOK_NETS,
        words: webhookWords,
      },
      secrets: env.WECOM_MEDIA_WEBHOOK_SECRET,
    },
    public: { host: env.WECOM_MEDIA_HOST, port: env.WECOM_MEDIA_PORT },
    admin: { host: env.WECOM_MEDIA_ADMIN_HOST, port: env.WECOM_MEDIA_ADMIN_PORT },
    limits: env.WECOM_MEDIA_LIMITS ?? {},
    egress: env.WECOM_MEDIA_EGRESS,
    assumeSpent: env.WECOM_MEDIA_ASSUME_SPENT,
    logLevel: env.LOG_LEVEL,
    isProduction: env.NODE_ENV === 'production',
  }
}

/** Who logs in may stand in the URL, or apart from it. */
function redisUrlFrom({
  REDIS_URL: url,
  REDIS_USERNAME: user = '',
  REDIS_PASSWORD: password = '',
}: z.output<typeof schema>): string | undefined {
  if (user === '' && password === '') return url
  if (url === undefined)
    throw new Fault('config', 'set REDIS_URL, too: REDIS_USERNAME and REDIS_PASSWORD say who logs in there')
  const [scheme = '', rest = ''] = url.split('://', 2)
  if (/^[^/?#]*@/.test(rest))
    throw new Fault('config', 'REDIS_URL and REDIS_USERNAME or REDIS_PASSWORD say who logs in: leave one out')
  const login = [user, password].map(encodeURIComponent).join(':')
  return `${scheme}://${login}@${rest}`
}

const webhookWords = {
  off: 'webhooks are off',
  hosts: 'WECOM_MEDIA_WEBHOOK_HOSTS',
  ports: 'WECOM_MEDIA_WEBHOOK_PORTS',
  nets: 'WECOM_MEDIA_WEBHOOK_NETS',
}

function appOfEnvironment(env: z.output<typeof schema>): Record<string, AppConfig> {
  const { WECOM_CORP_ID: corpId, WECOM_CORP_SECRET: secret } = env
  const callback = callbackFrom(env)
  if (corpId !== undefined && secret !== undefined) return { default: { corpId, secret, callback } }
  if (corpId === undefined && secret === undefined && callback === undefined) return {}
  const missing = corpId === undefined ? 'the first' : 'the second'
  throw new Fault('config', `set both WECOM_CORP_ID and WECOM_CORP_SECRET: ${missing} is missing`)
}

/** The environment's app has the id `default`: the apps file must not have another one of that name. */
function checkedIds(own: Record<string, AppConfig>, { apps, suites }: AppsConfig): Record<string, AppConfig> {
  const twice = Object.keys(own).find(id => Object.hasOwn(apps, id) || Object.hasOwn(suites, id))
  if (twice === undefined) return own
  throw new Fault(
    'config',
    `"${twice}" is the app of WECOM_CORP_ID and stands in WECOM_MEDIA_APPS, too: rename that one, or unset WECOM_CORP_ID`,
  )
}

function callbackFrom(env: z.output<typeof schema>): CallbackConfig | undefined {
  const {
    WECOM_CALLBACK_TOKEN: token,
    WECOM_CALLBACK_AES_KEY: aesKey,
    WECOM_CALLBACK_DOWNLOAD: download,
  } = env
  if (token !== undefined && aesKey !== undefined) return { token, aesKey, download }
  if (token === undefined && aesKey === undefined) return undefined
  const missing = token === undefined ? 'the first' : 'the second'
  throw new Fault('config', `set both WECOM_CALLBACK_TOKEN and WECOM_CALLBACK_AES_KEY: ${missing} is missing`)
}

/** Throws `config` when no app is configured: whoever calls the platform needs one. */
export function demandApps({ apps }: Config): void {
  if (Object.keys(apps).length > 0) return
  throw new Fault(
    'config',
    'no app is configured: set WECOM_CORP_ID and WECOM_CORP_SECRET (the simulator prints a pair), or WECOM_MEDIA_APPS',
  )
}
