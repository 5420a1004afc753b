/** Payloads are parsed twice by the same schema: before they are queued, and again before they run (a foreign producer, an older version). */

import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { Fault } from '../fault.ts'
import { type JobName, jobs, type Payload, payloadMaxBytes } from './jobs.ts'

/** Throws `invalid` with every mistake in one line. */
export function parsePayload<N extends JobName>(name: N, data: unknown): Payload<N> {
  const parsed = jobs[name].payload.safeParse(data)
  if (!parsed.success)
    throw new Fault('invalid', `the payload of ${name} is not valid: ${mistakesIn(parsed.error)}`)
  const sizeBytes = Buffer.byteLength(JSON.stringify(parsed.data))
  if (sizeBytes <= payloadMaxBytes) return parsed.data as Payload<N>
  throw new Fault(
    'invalid',
    `the payload of ${name} has ${sizeBytes} bytes, more than ${payloadMaxBytes}: send references, not contents`,
  )
}

const mistakesIn = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')

/** Equal for equal requests: parsed payloads have the key order of their schema. */
export const fingerprintOf = (name: string, payloadJson: string): string =>
  createHash('sha256').update(`${name}\n${payloadJson}`).digest('hex')
