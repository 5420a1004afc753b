/** The fields of the asynchronous methods' bodies, and what a missing, empty or wrong one is answered with. */

import type { Switches } from './options.ts'
import { refusalFor } from './refusal.ts'

export type Body = Readonly<Record<string, unknown>>

export function fieldOf(body: Body, name: string, switches: Switches): unknown {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null) throw refusalFor('async-parameter-missing', switches)
  if (value === '') throw refusalFor('async-parameter-empty', switches)
  return value
}

/** Length in bytes of UTF-8, as the manual counts. */
export function textOf(body: Body, name: string, maxBytes: number, switches: Switches): string {
  const value = fieldOf(body, name, switches)
  if (typeof value === 'string' && Buffer.byteLength(value) <= maxBytes) return value
  throw refusalFor('async-parameter-wrong', switches)
}
