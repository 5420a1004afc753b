/** A settings file of JSON whose shape a schema says. */

import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { Fault } from './fault.ts'

/** What the file that the variable `setting` names holds. Faults: `config` with every mistake, by name. */
export function jsonFile<S extends z.ZodType>(setting: string, path: string, schema: S): z.output<S> {
  const found = schema.safeParse(parsed(setting, path))
  if (found.success) return found.data
  throw wrongFile(
    setting,
    path,
    found.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`),
  )
}

/** A mistake in such a file, or several. */
export const wrongFile = (setting: string, path: string, mistakes: readonly string[]): Fault =>
  new Fault('config', `${setting} ${path}: ${mistakes.join('; ')}`)

function parsed(setting: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    // The parser's words would quote the file, and with it secrets.
    const isSyntax = error instanceof SyntaxError
    const what = isSyntax ? 'is no JSON' : `can't be read (${(error as NodeJS.ErrnoException).code})`
    throw wrongFile(setting, path, [what])
  }
}
