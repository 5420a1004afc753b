/** Takes the JSON body of a call, which is small: its fields as they are, each to be checked by the route. */

import type { Call } from './call.ts'
import { Refusal, refusalFor } from './refusal.ts'

const maxBodyBytes = 64 * 1024

/** Throws 40058 for what is no JSON object, 40063 for a form; reads to the last byte in any case. */
export async function readJsonBody(call: Call): Promise<Readonly<Record<string, unknown>>> {
  const { switches } = call.state.settings
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of call.body) {
    sizeBytes += chunk.length
    if (sizeBytes <= maxBodyBytes) chunks.push(chunk)
  }
  const isForm = /^(multipart\/|application\/x-www-form-urlencoded)/i.test(
    call.request.headers['content-type'] ?? '',
  )
  if (isForm) throw refusalFor('form-for-json', switches)
  if (sizeBytes > maxBodyBytes) throw new Refusal(40058)
  const value = parsed(Buffer.concat(chunks).toString())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal(40058)
  return value as Record<string, unknown>
}

/** The text of a field; throws `missing` where it is absent or empty, 40058 where it is no text. */
export function textField(body: Readonly<Record<string, unknown>>, name: string, missing: number): string {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null || value === '') throw new Refusal(missing)
  if (typeof value !== 'string') throw new Refusal(40058)
  return value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
