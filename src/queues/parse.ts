/** Payloads are parsed twice by the same schema: before they are queued, and again before they run (a foreign producer, an older version). */

import { hash } from 'node:crypto'
import type { z } from 'zod'
import { Fault } from '../fault.ts'
import { type JobName, jobs, type Payload, payloadMaxBytes } from './jobs.ts'

/** Throws `invalid` with the mistakes in one line. */
export function parsePayload<N extends JobName>(name: N, data: unknown): Payload<N> {
  if (isOversized(JSON.stringify(data) ?? '')) {
    throw new Fault(
      'invalid',
      `the payload of ${name} has more than ${payloadMaxBytes} bytes: send references, not contents`,
    )
  }
  const parsed = jobs[name].payload.safeParse(data)
  if (parsed.success) return parsed.data as Payload<N>
  throw new Fault('invalid', `the payload of ${name} is not valid: ${mistakesIn(name, parsed.error)}`)
}

export const isOversized = (payloadJson: string): boolean => Buffer.byteLength(payloadJson) > payloadMaxBytes

/** Enough for a person; a mistake may quote what was sent. */
const mistakesMaxLength = 500

const mistakesIn = (name: JobName, error: z.ZodError): string =>
  error.issues
    .map(issue => hintFor(name, issue) ?? lineOf(issue))
    .join('; ')
    .slice(0, mistakesMaxLength)

const lineOf = ({ path, message }: z.core.$ZodIssue): string =>
  path.length > 0 ? `${path.join('.')}: ${message}` : message

/** What a job can't do, where people expect it. */
function hintFor(name: JobName, issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys' || issue.path.length > 0 || !issue.keys.includes('keepAlive')) return
  const why = {
    'media.async-upload': 'submit an async upload again before its three days are over',
    'media.upload-image': 'a permanent image never dies',
    'media.article': 'permanent images never die',
  }
  return `keepAlive is for media.upload only${name in why ? `: ${why[name as keyof typeof why]}` : ''}`
}

/** Equal for equal requests: parsed payloads have the key order of their schema. */
export const fingerprintOf = (name: string, payloadJson: string): string =>
  hash('sha256', `${name}\n${payloadJson}`)
