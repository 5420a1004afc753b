/** Exit codes, and what a failure prints: one line for people, one JSON object for programs. */

import { Fault, type FaultReport, type Kind } from '../fault.ts'
import { scrub } from '../log.ts'

export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const

/** A failure of the command itself, apart from its job's: how it ends and what kind it is told as. */
export class CommandError extends Error {
  readonly code: number
  readonly kind: Kind

  constructor(end: 'usage' | 'unreachable' | 'interrupted', message: string) {
    super(message)
    this.code = exitCodes[end]
    this.kind = ({ usage: 'invalid', unreachable: 'unavailable', interrupted: 'cancelled' } as const)[end]
  }
}

/** Settings and arguments are usage; what a job ends with is a failure. */
export const exitCodeFor = (error: unknown): number =>
  error instanceof CommandError ? error.code : exitCodes.failed

/** A line on stderr (unless somebody has told already); and when stdout is piped, exactly one object there. */
export function printFailure(error: unknown, tell = true): void {
  const report = reportOf(error)
  if (tell) process.stderr.write(`wecom-media: ${report.message}\n`)
  if (!process.stdout.isTTY) process.stdout.write(`${JSON.stringify({ error: report })}\n`)
}

function reportOf(error: unknown): FaultReport {
  if (error instanceof Fault) return { ...error.report(), message: scrub(error.message) }
  const message = scrub(error instanceof Error ? error.message : String(error))
  return { kind: error instanceof CommandError ? error.kind : 'transient', message }
}

/** A result: an object for programs, lines for people. */
export function printResult(result: object, lines: readonly (readonly [string, string])[]): void {
  if (!process.stdout.isTTY) {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  const width = Math.max(...lines.map(([label]) => label.length))
  for (const [label, value] of lines) process.stdout.write(`${label.padEnd(width)}  ${value}\n`)
}
