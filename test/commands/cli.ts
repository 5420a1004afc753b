/** The command line as a program meets it: stdout and stderr are pipes. */

import { join } from 'node:path'
import { expect } from 'vitest'
import type { Deployment } from '../support/deployment.ts'
import { account } from '../support/deployment.ts'
import { type NodeProcess, startNode } from '../support/processes.ts'
import { until } from '../support/until.ts'

const launcher = join(import.meta.dirname, '../../bin/wecom-media.js')
const many = join(import.meta.dirname, 'many-child.ts')

/** null or undefined takes a variable away. */
type Env = Readonly<Record<string, string | null | undefined>>

export interface Line {
  readonly args: readonly string[]
  readonly env?: Env
  readonly cwd?: string
}

export interface Said {
  readonly code: number | null
  /** What stood on stdout, which must be exactly one JSON object. */
  readonly object: Record<string, unknown>
  /** Lines of stderr. */
  readonly lines: readonly string[]
}

/** Settings of whoever runs the tests must not get in. The cache saves half of the time that a start takes. */
const clean: Env = {
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter(name => /^(WECOM_|REDIS_URL$|LOG_LEVEL$|NODE_ENV$|NODE_OPTIONS$)/.test(name))
      .map(name => [name, undefined]),
  ),
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/node-compile'),
}

const withoutNull = (env: Env): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? undefined]))

export const start = (...[args, { env = {}, cwd }]: [readonly string[], Omit<Line, 'args'>]): NodeProcess =>
  startNode(launcher, {
    args,
    env: withoutNull({ ...clean, ...env }),
    ...(cwd !== undefined && { cwd }),
  })

/** The one object of a program's stdout. */
const objectIn = (stdout: string): Record<string, unknown> => {
  expect(stdout).toMatch(/^\{.*\}\n$/)
  return JSON.parse(stdout)
}

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')

export const ended = async (cli: NodeProcess): Promise<Said> => {
  const { code } = await cli.ended
  return { code, object: objectIn(cli.stdout()), lines: linesOf(cli.stderr()) }
}

/** A process of its own, as a shell starts it. */
export const run = (args: readonly string[], rest: Omit<Line, 'args'> = {}): Promise<Said> =>
  ended(start(args, rest))

/** Many in one process: what each of them said, as it stands on its outputs. */
export const tell = async (
  lines: readonly Line[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }[]> => {
  const bare = lines.map(({ env, ...line }) => ({ ...line, env: { ...env } }))
  const cli = startNode(many, { args: [JSON.stringify(bare)], env: withoutNull(clean) })
  await cli.ended
  const outputs = cli.stdout().split('\0')
  const errors = cli.stderr().split('\0')
  expect(outputs, cli.stderr()).toHaveLength(lines.length + 1)
  const codes: number[] = JSON.parse(outputs.at(-1) ?? '')
  return codes.map((code, index) => ({ code, stdout: outputs[index] ?? '', stderr: errors[index] ?? '' }))
}

export const runMany = async (lines: readonly Line[]): Promise<Said[]> =>
  (await tell(lines)).map(({ code, stdout, stderr }) => ({
    code,
    object: objectIn(stdout),
    lines: linesOf(stderr),
  }))

/** One process for many command lines, of which each may follow from the one before. */
export function openShell(): (line: Line) => Promise<Said> {
  const shell = startNode(join(import.meta.dirname, 'shell-child.ts'), { env: withoutNull(clean) })
  let count = 0
  return async ({ args, env = {} }) => {
    const nth = count++
    shell.send({ args, env: withoutNull(env) })
    const done = () =>
      shell.stdout().split('\0').length > 2 * nth + 2 && shell.stderr().split('\0').length > nth + 1
    await until(`the end of ${args.join(' ')}`, done, { withinMs: 30_000 })
    const [stdout = '', code] = shell
      .stdout()
      .split('\0')
      .slice(2 * nth)
    return {
      code: Number(code),
      object: objectIn(stdout),
      lines: linesOf(shell.stderr().split('\0')[nth] ?? ''),
    }
  }
}

/** The settings of a deployment, as a shell has them. Its Redis is left out for commands that start their own. */
export const envOf = ({ config, downloads, root }: Deployment): Record<string, string> => ({
  WECOM_BASE_URL: config.baseUrl,
  WECOM_CORP_ID: account.corpId,
  WECOM_CORP_SECRET: account.secret,
  WECOM_MEDIA_PREFIX: config.prefix,
  WECOM_MEDIA_ROOTS: root,
  WECOM_MEDIA_DOWNLOADS: downloads,
  WECOM_MEDIA_ADMIN_PORT: '0',
  REDIS_URL: config.redisUrl ?? '',
})

/** One line for people that says what the object says. */
export const failure = (said: Said): { code: number | null; kind: unknown; message: string } => {
  const { error } = said.object as { error: { kind: string; message: string } }
  expect(said.lines).toContain(`wecom-media: ${error.message}`)
  expect(error.message).not.toContain('\n')
  return { code: said.code, kind: error.kind, message: error.message }
}
