/** Exit codes, and what a failure prints: one line for people, one JSON object for programs. */

import { Fault, type FaultReport, type Kind } from '../fault.ts'
import { scrub } from '../log.ts'

export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const

const kindOf = { usage: 'invalid', unreachable: 'unavailable', interrupted: 'cancelled' } as const

/** A failure of the command itself, apart from its job's: how it ends and what kind it is told as. */
export class CommandError extends Error {
  readonly code: number
  readonly kind: Kind

  constructor(end: keyof typeof kindOf, message: string, kind: Kind = kindOf[end]) {
    super(message)
    this.code = exitCodes[end]
    this.kind = kind
  }
}

/** What failed stands in the command's own result: only the exit code is left to tell. */
export class Told extends Error {
  readonly code = exitCodes.failed
}

/** Kinds that arguments or settings are to blame for, when no job has begun yet. */
const mistakes: readonly Kind[] = ['invalid', 'config']

/** `work` comes before any job: what it finds wrong with arguments or settings is wrong usage. */
export async function asUsage<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Fault) || !mistakes.includes(error.kind)) throw error
    throw new CommandError('usage', error.message, error.kind)
  }
}

/** Settings and arguments are usage; what a job ends with is a failure. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof CommandError || error instanceof Told) return error.code
  // No job ends as `unavailable` without an errcode: this is the producer, which does not reach Redis.
  const isRedis = error instanceof Fault && error.kind === 'unavailable' && error.errcode === undefined
  return isRedis ? exitCodes.unreachable : exitCodes.failed
}

/** Whether stdout gets one object: when it is piped, and on a terminal with --json. */
export const isForPrograms = (json = false): boolean => json || !process.stdout.isTTY

export const printObject = (result: object): void => void process.stdout.write(`${JSON.stringify(result)}\n`)

/** A line on stderr; and for programs exactly one object on stdout. */
export function printFailure(error: unknown, json = false): void {
  if (error instanceof Told) return
  const report = reportOf(error)
  process.stderr.write(`wecom-media: ${report.message}\n`)
  if (isForPrograms(json)) printObject({ error: report })
}

function reportOf(error: unknown): FaultReport {
  if (error instanceof Fault) return { ...error.report(), message: scrub(error.message) }
  const message = scrub(error instanceof Error ? error.message : String(error))
  return { kind: error instanceof CommandError ? error.kind : 'transient', message }
}

/** A result: an object for programs, lines for people. */
export function printResult(
  result: object,
  lines: readonly (readonly [string, string])[],
  json = false,
): void {
  if (isForPrograms(json)) return void printObject(result)
  const width = Math.max(...lines.map(([label]) => label.length))
  for (const [label, value] of lines) process.stdout.write(`${label.padEnd(width)}  ${value}\n`)
}

/** A line for people. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`)
