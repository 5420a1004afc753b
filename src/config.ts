/** The only reader of the environment. One table: every setting with its default and unit; all mistakes are reported at once, by name. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { type AppConfig, type AppsConfig, type CallbackConfig, readApps, readSecret } from './config-apps.ts'
import { limitsSetting } from './config-limits.ts'
import { folders, hostsSetting, integer, port, secretFile, url, words } from './config-values.ts'
import { Fault } from './fault.ts'
import type { WebPolicy } from './files/web-policy.ts'
import type { LimitsConfig } from './limits/index.ts'
import { defaultPrefix } from './namespace.ts'
import { defaultBaseUrl } from './wecom/platform.ts'

const mebibyte = 1024 * 1024

/** TABLE of settings. The table of docs/settings.md is tested against it. */
export const settings = {
  WECOM_BASE_URL: {
    schema: url(/^https?$/, 'an http(s) URL such as https://qyapi.weixin.qq.com/cgi-bin').default(
      defaultBaseUrl,
    ),
    help: 'The platform, a private deployment, or a simulator',
  },
  WECOM_CORP_ID: { schema: z.string().min(1).optional(), help: 'CorpID of the company' },
  WECOM_CORP_SECRET: { schema: z.string().min(1).optional(), help: 'Secret of the app' },
  WECOM_CORP_SECRET_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_CALLBACK_TOKEN: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9]{1,32}$/, 'must be letters and digits, at most 32')
      .optional(),
    help: "Token of the app's callback; with it and the key the worker listens at /callback/default",
  },
  WECOM_CALLBACK_TOKEN_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_CALLBACK_AES_KEY: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9]{43}$/, 'must be 43 letters and digits')
      .optional(),
    help: "EncodingAESKey of the app's callback",
  },
  WECOM_CALLBACK_AES_KEY_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_CALLBACK_DOWNLOAD: {
    schema: words(z.enum(['image', 'voice', 'video'])).default([]),
    help: 'Incoming messages whose media are downloaded at once: image, voice, video, separated by ","',
  },
  WECOM_MEDIA_APPS: {
    schema: z.string().min(1).optional(),
    help: 'Path of the apps file, for more than one app or company',
  },
  REDIS_URL: {
    schema: url(/^rediss?$/, 'a redis:// or rediss:// URL').optional(),
    help: 'Redis ≥ 6.2 or Valkey ≥ 8 with maxmemory-policy noeviction',
  },
  WECOM_MEDIA_ROOTS: {
    schema: folders.optional(),
    help: 'Folders that sources may lie in, separated by ":"; default: the current folder with --here, none for serve',
  },
  WECOM_MEDIA_DOWNLOADS: {
    schema: z.string().min(1).default('downloads'),
    help: 'Folder for downloads, created when missing',
  },
  WECOM_MEDIA_PREFIX: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - and _')
      .default(defaultPrefix),
    help: 'Hash tag before every key in Redis; one per deployment',
  },
  WECOM_MEDIA_CONCURRENCY: {
    schema: integer(1, 1_000).default(16),
    help: 'Jobs of each queue under way at once, per process',
  },
  WECOM_MEDIA_SLICE_BYTES: {
    schema: integer(65_536, 20 * mebibyte)
      .refine(bytes => bytes % 16 === 0, 'must be a multiple of 16')
      .default(8 * mebibyte),
    help: 'Bytes per Range request of a download; a multiple of 16, at most 20 MiB',
  },
  WECOM_MEDIA_PARALLEL_SLICES: {
    schema: integer(1, 16).default(1),
    help: 'Slices of one download under way at once',
  },
  WECOM_MEDIA_MAX_DOWNLOAD_BYTES: {
    schema: integer(1, 2 ** 40).default(512 * mebibyte),
    help: 'Larger media are refused',
  },
  WECOM_MEDIA_LOCK_MS: {
    schema: integer(1_000, 600_000).default(60_000),
    help: 'Life of the lock on a running job; longer than any pause of Redis that is to be survived',
  },
  WECOM_MEDIA_STALLED_MS: {
    schema: integer(200, 600_000).default(15_000),
    help: 'Between two looks for jobs of dead workers, ms; such a job starts again after the lock and up to two looks',
  },
  WECOM_MEDIA_GRACE_MS: {
    schema: integer(0, 3_600_000).default(25_000),
    help: 'How long running jobs may go on after SIGTERM',
  },
  WECOM_MEDIA_URLS: {
    schema: hostsSetting.default('off'),
    help: 'Where sources may be fetched from: off, public, or hosts such as media.example.com,*.cdn.example.com',
  },
  WECOM_MEDIA_URL_PORTS: {
    schema: words(port).default([]),
    help: 'Ports of such URLs besides 80 and 443, separated by ","',
  },
  WECOM_MEDIA_URL_NETS: {
    schema: words(z.union([z.cidrv4(), z.cidrv6()], 'must be networks such as 10.0.0.0/8')).default([]),
    help: 'Private networks that such URLs may lead to, separated by ","; default none',
  },
  WECOM_MEDIA_HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'Address of the public listener, which has /callback; it opens when an app has a callback',
  },
  WECOM_MEDIA_PORT: {
    schema: integer(0, 65_535).default(8080),
    help: 'Its port; 0 takes a free one',
  },
  WECOM_MEDIA_ADMIN_HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'Address of the admin listener',
  },
  WECOM_MEDIA_ADMIN_PORT: {
    schema: integer(0, 65_535).default(9464),
    help: 'Port of /metrics, /livez, /readyz; 0 takes a free one',
  },
  WECOM_MEDIA_LIMITS: {
    schema: limitsSetting.optional(),
    help: 'Changes to the rules of limits and quotas: JSON, or the path of a JSON file',
  },
  WECOM_MEDIA_EGRESS: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be letters, digits, -, _ and .')
      .default('default'),
    help: 'Name of the address that the platform sees; workers behind one address share its limits',
  },
  WECOM_MEDIA_ASSUME_SPENT: {
    schema: z.stringbool().default(false),
    help: 'Start closed for a window on a Redis that this process has not seen before',
  },
  LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    help: 'Logs go to stderr',
  },
  NODE_ENV: { schema: z.string().optional(), help: '`production`: never start a Redis of our own' },
} as const

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
    redisUrl: env.REDIS_URL,
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
    public: { host: env.WECOM_MEDIA_HOST, port: env.WECOM_MEDIA_PORT },
    admin: { host: env.WECOM_MEDIA_ADMIN_HOST, port: env.WECOM_MEDIA_ADMIN_PORT },
    limits: env.WECOM_MEDIA_LIMITS ?? {},
    egress: env.WECOM_MEDIA_EGRESS,
    assumeSpent: env.WECOM_MEDIA_ASSUME_SPENT,
    logLevel: env.LOG_LEVEL,
    isProduction: env.NODE_ENV === 'production',
  }
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
