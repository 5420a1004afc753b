/** What a check finds: one line for people, one object for programs. */

import { Fault, type Kind } from '../../fault.ts'
import { scrub } from '../../log.ts'

export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'failed' | 'skipped'
  readonly detail: string
  readonly kind?: Kind
  readonly errcode?: number
}

export const ok = (what: string, detail: string): Finding => ({ what, state: 'ok', detail: scrub(detail) })
export const skipped = (what: string, why: string): Finding => ({
  what,
  state: 'skipped',
  detail: scrub(why),
})

/** A fault says by itself what to do; anything else is told as it is. */
export function failed(what: string, error: unknown): Finding {
  const report =
    error instanceof Fault ? error.report() : { kind: 'transient' as const, message: String(error) }
  const { message, ...facts } = report
  return { what, state: 'failed', detail: scrub(message), ...facts }
}

/** `work` answers what is fine; what it throws is what failed. */
export async function finding(what: string, work: () => string | Promise<string>): Promise<Finding> {
  try {
    return ok(what, await work())
  } catch (error) {
    return failed(what, error)
  }
}
