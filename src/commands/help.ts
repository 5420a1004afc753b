/** The part of `--help` that teaches: lines to copy, and the settings that matter, as config.ts has them. */

import { type Command, Option } from 'commander'
import { settings } from '../config.ts'

type SettingName = keyof typeof settings

const indented = (lines: readonly string[]): string => lines.map(line => `  ${line}`).join('\n')

const settingLine = (name: SettingName, width: number): string => {
  const { schema, help } = settings[name]
  const { data } = schema.safeParse(undefined)
  return `${name.padEnd(width)}  ${help}${data === undefined ? '' : ` (default ${data})`}`
}

/** Adds examples and settings below the options. */
export function explain(
  command: Command,
  examples: readonly string[],
  names: readonly SettingName[] = [],
): Command {
  const width = Math.max(...names.map(name => name.length))
  const environment = ['Environment:', indented(names.map(name => settingLine(name, width)))]
  const parts = ['', 'Examples:', indented(examples), ...(names.length > 0 ? ['', ...environment] : [])]
  return command.addHelpText('after', parts.join('\n'))
}

export interface JsonFlag {
  readonly json?: true
}

/** Of commands that operators and their scripts use. */
export const jsonOption = (): Option =>
  new Option('--json', 'print one JSON object, on a terminal too; piped output is always one')

/** What every command that runs jobs reads. */
export const jobSettings = ['WECOM_CORP_ID', 'WECOM_CORP_SECRET', 'WECOM_BASE_URL', 'REDIS_URL'] as const

export const allSettings = Object.keys(settings) as SettingName[]
