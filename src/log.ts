/** Logs: one line per event worth one, JSON for machines and readable on a terminal. No secret leaves: lines are scrubbed when finished. */

import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import { finished } from './log/line.ts'
import { plain } from './log/plain.ts'

export { keepSecret, keepToken, scrub } from './log/scrub.ts'
export type { Logger }

export interface LogOptions {
  /** Default: stderr, so that stdout belongs to results, written at once. */
  readonly stream?: { write(line: string): void }
  /** `auto` is pretty where stderr is a terminal. Default `json`. */
  readonly format?: 'auto' | 'json' | 'pretty'
}

export function createLog(level: string, { stream, format = 'json' }: LogOptions = {}): Logger {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY)
  const pretty = isPretty ? prettyPrinter(process.stderr.isTTY) : (line: string) => line
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: label => ({ level: label }),
        log: value => plain(value) as Record<string, unknown>,
      },
      hooks: { streamWrite: line => pretty(finished(line)) },
    },
    stream ?? pino.destination({ fd: 2, sync: true }),
  )
}

/** Loaded when a person looks: a service starts faster without it. */
function prettyPrinter(colorize: boolean): (line: string) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  const print = prettyFactory({ colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' })
  return line => print(line) ?? line
}
