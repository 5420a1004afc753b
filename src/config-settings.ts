/** TABLE of settings: name -> schema with its default, and help. Units stand in names. The table of docs/settings.md is tested against it. */

import { z } from 'zod'
import { limitsSetting } from './config-limits.ts'
import {
  folders,
  hostsSetting,
  integer,
  network,
  port,
  secretFile,
  url,
  webhookSecrets,
  words,
} from './config-values.ts'
import { defaultPrefix } from './namespace.ts'
import { defaultBaseUrl } from './wecom/platform.ts'

const mebibyte = 1024 * 1024

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
    schema: z
      .string()
      .regex(/^rediss?:\/\/\S+$/, 'must be a redis:// or rediss:// URL')
      .optional(),
    help: 'Redis ≥ 6.2 or Valkey ≥ 8 with maxmemory-policy noeviction; several hosts with ?cluster or ?sentinel=NAME, TLS files with ?ca=FILE',
  },
  REDIS_USERNAME: { schema: z.string().min(1).optional(), help: 'ACL user, where REDIS_URL has none' },
  REDIS_PASSWORD: { schema: z.string().min(1).optional(), help: 'Its password, where REDIS_URL has none' },
  REDIS_PASSWORD_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_MEDIA_ROOTS: {
    schema: folders.optional(),
    help: 'Folders that sources may lie in, separated by ":"; default: the current folder with --here, none for serve',
  },
  WECOM_MEDIA_FILES: {
    schema: z.string().min(1).optional(),
    help: 'Folder that http and workers share: spool and downloads lie below it; created when missing',
  },
  WECOM_MEDIA_DOWNLOADS: {
    schema: z.string().min(1).optional(),
    help: 'Folder for downloads, created when missing; default: downloads, in WECOM_MEDIA_FILES where that is set',
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
  WECOM_MEDIA_RENEW_BEFORE_MS: {
    schema: integer(3_600_000, 60 * 3_600_000).default(24 * 3_600_000),
    help: 'A media_id that is kept alive is renewed when so much of its three days is left, ms: the time to act when that fails',
  },
  WECOM_MEDIA_RENEW_LOOK_MS: {
    schema: integer(200, 600_000).default(15_000),
    help: 'Between two looks at media_ids that are kept alive, ms; one for all workers',
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
    schema: words(network).default([]),
    help: 'Private networks that such URLs may lead to, separated by ","; default none',
  },
  WECOM_MEDIA_WEBHOOK_HOSTS: {
    schema: hostsSetting.default('off'),
    help: 'Whom the ends of jobs may be told to: off, public, or hosts such as app.example.com,*.internal.example.com',
  },
  WECOM_MEDIA_WEBHOOK_PORTS: {
    schema: words(port).default([]),
    help: 'Ports of webhooks besides 80 and 443, separated by ","',
  },
  WECOM_MEDIA_WEBHOOK_NETS: {
    schema: words(network).default([]),
    help: 'Private networks that webhooks may lead to, separated by ","; default none',
  },
  WECOM_MEDIA_WEBHOOK_SECRET: {
    schema: webhookSecrets.default([]),
    help: 'Signs webhooks: whsec_ and base64, or any text of 24 characters; two, separated by a space, while one is replaced',
  },
  WECOM_MEDIA_WEBHOOK_SECRET_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_MEDIA_HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'Address of the public listener, which has /v1 and /callback; it opens with tokens, or when an app has a callback',
  },
  WECOM_MEDIA_PORT: {
    schema: integer(0, 65_535).default(8080),
    help: 'Its port; 0 takes a free one',
  },
  WECOM_MEDIA_TOKENS: {
    schema: z.string().min(1).optional(),
    help: 'Path of the tokens file: who may use the HTTP API; without it there is none',
  },
  WECOM_MEDIA_REQUESTS_PER_SECOND: {
    schema: integer(1, 100_000).default(2_000),
    help: 'Requests to the HTTP API of one token, per process; more get 429',
  },
  WECOM_MEDIA_ADMIN_HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'Address of the admin listener',
  },
  WECOM_MEDIA_ADMIN_PORT: {
    schema: integer(0, 65_535).default(9464),
    help: 'Port of /metrics, /livez, /readyz; 0 takes a free one',
  },
  WECOM_MEDIA_BOARD_PASSWORD: {
    schema: z.string().min(12, 'must have at least 12 characters').max(512).optional(),
    help: 'Opens the dashboard /board on the admin listener, behind a login; without it there is none',
  },
  WECOM_MEDIA_BOARD_PASSWORD_FILE: { schema: secretFile, help: 'File that holds it, instead' },
  WECOM_MEDIA_BOARD_USER: {
    schema: z.string().min(1).max(64).default('admin'),
    help: 'Who logs in there',
  },
  WECOM_MEDIA_BOARD_WRITE: {
    schema: z.stringbool().default(false),
    help: 'Whether jobs can be retried, promoted and removed there, and queues paused',
  },
  WECOM_MEDIA_GRAFANA_URL: {
    schema: url(/^https?$/, 'an http(s) URL').optional(),
    help: 'Where the dashboard links to for metrics',
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
  LOG_FORMAT: {
    schema: z.enum(['auto', 'json', 'pretty']).default('auto'),
    help: '`auto`: readable lines on a terminal, else JSON',
  },
  NODE_ENV: { schema: z.string().optional(), help: '`production`: never start a Redis of our own' },
} as const
