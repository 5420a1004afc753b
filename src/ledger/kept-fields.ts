/** A name as its hash in Redis has it, read. */

import type { FaultReport } from '../fault.ts'
import { defaultRenewBeforeMs, type Kept, type KeptEnd, type KeptMedium, type KeptTimes } from './kept.ts'

export interface SeenName {
  readonly kept: Kept
  /** By Redis, ms. */
  readonly nowMs: number
  /** Of the worker that looked last; absent before any has. */
  readonly renewBeforeMs?: number
}

/** Undefined for a name that is not there. `flat`: field, value, field, value … */
export function seenName(id: string, nowMs: number, flat: readonly string[]): SeenName | undefined {
  const fields = new Map<string, string>()
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? '', flat[at + 1] ?? '')
  if (!fields.has('sinceMs')) return undefined
  const margin = fields.get('renewBeforeMs')
  return { kept: keptFrom(id, fields), nowMs, ...(margin !== undefined && { renewBeforeMs: Number(margin) }) }
}

/** What is read of names that are only counted. */
export const timeFields = [
  'untilMs',
  'expiresAtMs',
  'endedAtMs',
  'faultAtMs',
  'forgottenAtMs',
  'renewBeforeMs',
] as const

/** Undefined for a name that is not there. `values`: those of `timeFields`, in their order. */
export function keptTimes(
  values: readonly (string | null)[],
): (KeptTimes & { readonly renewBeforeMs: number }) | undefined {
  const [untilMs, expiresAtMs, endedAtMs, faultAtMs, forgottenAtMs, renewBeforeMs] = values
  if (!untilMs) return undefined
  return {
    untilMs: Number(untilMs),
    ...(expiresAtMs && { medium: { expiresAtMs: Number(expiresAtMs) } }),
    ...(endedAtMs && { end: endedAtMs }),
    ...(faultAtMs && { trouble: faultAtMs }),
    ...(forgottenAtMs && { forgottenAtMs: Number(forgottenAtMs) }),
    renewBeforeMs: Number(renewBeforeMs ?? defaultRenewBeforeMs),
  }
}

type Fields = ReadonlyMap<string, string>

function keptFrom(id: string, fields: Fields): Kept {
  const text = (name: string): string => fields.get(name) ?? ''
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  const timeOf = <N extends string>(name: N) =>
    (fields.has(name) ? { [name]: number(name) } : {}) as { readonly [K in N]?: number }
  return {
    ...{ id, app: text('app'), name: text('name'), payload: text('payload') },
    ...{ sinceMs: number('sinceMs'), untilMs: number('untilMs') },
    ...{ brought: number('brought'), told: number('told'), round: number('round') },
    ...timeOf('broughtAtMs'),
    ...timeOf('triedAtMs'),
    ...timeOf('forgottenAtMs'),
    ...(fields.has('medium') && { medium: JSON.parse(text('medium')) as KeptMedium }),
    ...(fields.has('job') && { job: text('job') }),
    ...troubleIn(fields),
    ...(fields.has('endedAtMs') && { end: { atMs: number('endedAtMs'), why: text('endedWhy') as KeptEnd } }),
  }
}

function troubleIn(fields: Fields): Pick<Kept, 'trouble'> {
  const fault = fields.get('fault')
  if (fault === undefined) return {}
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  const times = { atMs: number('faultAtMs'), sinceMs: number('failingSinceMs'), tries: number('tries') }
  return { trouble: { fault: JSON.parse(fault) as FaultReport, ...times } }
}
