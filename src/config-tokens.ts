/** The shape of the tokens file: who may use the HTTP API, and for which apps. It holds hashes: whoever reads it can call nothing. */

import { z } from 'zod'
import { jsonFile, wrongFile } from './config-json.ts'
import { Fault } from './fault.ts'

export const rights = ['read', 'write'] as const
export type Right = (typeof rights)[number]

/** Of the row, and of idempotency keys: a new token of the same name goes on with the keys of the old one. */
const tokenName = /^[A-Za-z0-9_-]{1,64}$/

const Row = z.strictObject({
  name: z.string().regex(tokenName, 'must be letters, digits, - and _, at most 64'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits, as `wecom-media token` prints'),
  apps: z.array(z.string()).min(1, 'must name an app, or "*" for all'),
  rights: z
    .array(z.enum(rights))
    .min(1, 'must be "read", "write" or both')
    .default([...rights]),
})

const TokensFile = z.strictObject({ tokens: z.array(Row).min(1, 'must have a row') })

/** `apps` are ids, or `*` for all. */
export type TokenConfig = z.output<typeof Row>

/** Reads the file. Faults: `config` with every mistake, by name. */
export function readTokens(path: string): readonly TokenConfig[] {
  const setting = 'WECOM_MEDIA_TOKENS'
  const { tokens } = jsonFile(setting, path, TokensFile)
  const twice = tokens.find(({ sha256 }, at) => tokens.findIndex(one => one.sha256 === sha256) < at)
  if (twice) throw wrongFile(setting, path, [`the token of "${twice.name}" stands there twice`])
  return tokens
}

/** Who names an app that is not there would wonder about every 403. Throws `config`. */
export function checkedTokens(
  tokens: readonly TokenConfig[],
  apps: Readonly<Record<string, unknown>>,
): readonly TokenConfig[] {
  const mistakes = tokens.flatMap(({ name, apps: named }) =>
    named
      .filter(app => app !== '*' && !Object.hasOwn(apps, app))
      .map(app => `the token "${name}" names "${app}", and no app is called so`),
  )
  if (mistakes.length === 0) return tokens
  throw new Fault('config', `settings: WECOM_MEDIA_TOKENS ${mistakes.join('; ')}`)
}
