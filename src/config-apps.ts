/**
 * The shape of the apps file: who calls the platform, and who is called back. A secret stands there itself, or as the
 * name of an environment variable or of a file that holds it.
 */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { jsonFile, wrongFile } from './config-json.ts'

/** What the platform calls back with; both are chosen in its console. */
export interface CallbackConfig {
  readonly token: string
  /** 43 letters and digits. */
  readonly aesKey: string
  /** Incoming messages of these types are downloaded at once. */
  readonly download: readonly ('image' | 'voice' | 'video')[]
}

export interface CorpAppConfig {
  /** Default `self-built`. Of an agent-built app (代开发) the permanent code is the secret. */
  readonly kind?: 'self-built' | 'agent-built' | 'provider' | undefined
  readonly corpId: string
  readonly secret: string
  readonly callback?: CallbackConfig | undefined
}

export interface TenantConfig {
  readonly kind: 'third-party'
  /** Id of the suite in this file. */
  readonly suite: string
  /** The company that has authorised the suite. */
  readonly corpId: string
  readonly permanentCode: string
}

export type AppConfig = CorpAppConfig | TenantConfig

/** A third-party app as its provider has it; each company that authorised it is an app of its own. */
export interface SuiteConfig {
  readonly suiteId: string
  readonly suiteSecret: string
  /** The provider's CorpID, which URL checks are addressed to. */
  readonly providerCorpId: string
  readonly callback?: CallbackConfig | undefined
}

export interface AppsConfig {
  readonly apps: Readonly<Record<string, AppConfig>>
  readonly suites: Readonly<Record<string, SuiteConfig>>
}

/** Of an app or a suite: safe in URLs, keys and metric labels. */
const appId = /^[A-Za-z0-9_-]{1,64}$/

const Id = z.string().regex(appId, 'an id has letters, digits, - and _, at most 64')
const Secret = z.union([
  z.string().min(1),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
])

const Callback = z.strictObject({
  token: Secret,
  aesKey: Secret,
  download: z.array(z.enum(['image', 'voice', 'video'])).default([]),
})

const CorpApp = z.strictObject({
  kind: z.enum(['self-built', 'agent-built', 'provider']).optional(),
  corpId: z.string().min(1),
  secret: Secret,
  callback: Callback.optional(),
})

const Tenant = z.strictObject({
  kind: z.literal('third-party'),
  suite: Id,
  corpId: z.string().min(1),
  permanentCode: Secret,
})

const SuiteApp = z.strictObject({
  suiteId: z.string().min(1),
  suiteSecret: Secret,
  providerCorpId: z.string(),
  callback: Callback.optional(),
})

const AppsFile = z.strictObject({
  apps: z.record(Id, z.union([Tenant, CorpApp])).default({}),
  suites: z.record(Id, SuiteApp).default({}),
})

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the file. Faults: `config` with every mistake, by name. */
export function readApps(path: string, environment: Environment): AppsConfig {
  const setting = 'WECOM_MEDIA_APPS'
  const mistakes: string[] = []
  const file = jsonFile(setting, path, AppsFile)
  const place = { folder: dirname(path), environment, mistakes }
  const apps = mapped(file.apps, (app, id) => withSecrets(app, `apps.${id}`, place))
  const suites = mapped(file.suites, (suite, id) => withSecrets(suite, `suites.${id}`, place))
  for (const [id, app] of Object.entries(apps)) {
    if (Object.hasOwn(suites, id))
      mistakes.push(`"${id}" is an app and a suite: callbacks need one name for each`)
    if (app.kind === 'third-party' && !Object.hasOwn(suites, app.suite))
      mistakes.push(`apps.${id}.suite: there is no suite "${app.suite}"`)
  }
  if (mistakes.length > 0) throw wrongFile(setting, path, mistakes)
  return { apps, suites } as AppsConfig
}

const mapped = <V, R>(
  all: Readonly<Record<string, V>>,
  make: (value: V, id: string) => R,
): Record<string, R> => Object.fromEntries(Object.entries(all).map(([id, value]) => [id, make(value, id)]))

interface Place {
  /** Relative names of files are relative to the apps file. */
  readonly folder: string
  readonly environment: Environment
  readonly mistakes: string[]
}

const isReference = (value: unknown): value is { readonly env: string } | { readonly file: string } =>
  typeof value === 'object' && value !== null && ('env' in value || 'file' in value)

/** The same with every reference to a secret replaced by the secret. */
function withSecrets<T extends object>(row: T, where: string, place: Place): Resolved<T> {
  const entries = Object.entries(row).map(([name, value]) => {
    if (isReference(value)) return [name, secretFrom(value, `${where}.${name}`, place)]
    const isNested = typeof value === 'object' && value !== null && !Array.isArray(value)
    return [name, isNested ? withSecrets(value, `${where}.${name}`, place) : value]
  })
  return Object.fromEntries(entries)
}

type Reference = { env: string } | { file: string }
type Resolved<T> = {
  [K in keyof T]: string | Reference extends T[K] ? string : T[K] extends object | undefined ? T[K] : T[K]
}

function secretFrom(reference: Reference, where: string, { folder, environment, mistakes }: Place): string {
  if ('env' in reference) {
    const value = environment[reference.env]
    if (!value) mistakes.push(`${where}: the variable ${reference.env} is not set`)
    return value ?? ''
  }
  try {
    return readSecret(resolve(folder, reference.file))
  } catch (error) {
    mistakes.push(`${where}: ${(error as Error).message}`)
    return ''
  }
}

/** A secret from a file, without the line end that editors leave. Throws with the reason. */
export function readSecret(path: string): string {
  const text = read(path).replace(/\r?\n$/, '')
  if (text === '') throw new Error(`the file ${path} is empty`)
  return text
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`the file ${path} can't be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
