/** What can be known of a file before the network: size, kind, length of a voice. The numbers come in; only formats live here. */

import { Fault, type Kind } from '../fault.ts'
import { amrMilliseconds } from './amr.ts'
import { shown } from './disk-fault.ts'
import type { Source } from './file.ts'
import { type Format, formatOf, headBytes } from './magic.ts'

/** One media type's row; the platform's numbers stand in `wecom/media-types.ts`. */
export interface InspectRule {
  readonly type: string
  readonly minBytesExclusive: number
  readonly maxBytes: number
  readonly formats: readonly Format[] | 'any'
  readonly maxSeconds?: number
}

const refuse = (kind: Kind, source: Source, what: string): never => {
  throw new Fault(kind, `${shown(source.name)} ${what}`)
}

const inspectSize = (source: Source, { type, minBytesExclusive, maxBytes }: InspectRule): void => {
  const { sizeBytes } = source
  if (sizeBytes <= minBytesExclusive)
    refuse(
      'invalid',
      source,
      `has ${sizeBytes} bytes, the platform takes more than ${minBytesExclusive}: check how it was made`,
    )
  if (sizeBytes > maxBytes)
    refuse(
      'too-big',
      source,
      `has ${sizeBytes} bytes, type ${type} takes at most ${maxBytes}: make it smaller`,
    )
}

const inspectFormat = async (source: Source, { type, formats }: InspectRule): Promise<void> => {
  if (formats === 'any') return
  const found = formatOf(await source.read(0, headBytes))
  if ((formats as readonly string[]).includes(found)) return
  const wanted = formats.map(format => format.toUpperCase()).join(' or ')
  refuse(
    'wrong-type',
    source,
    `is ${found} by its first bytes, type ${type} takes ${wanted}: convert it, or send it as type file`,
  )
}

const inspectLength = async (source: Source, { type, maxSeconds }: InspectRule): Promise<void> => {
  if (maxSeconds === undefined) return
  const { durationMs, brokenAtByte } = await amrMilliseconds(source)
  if (brokenAtByte !== undefined)
    refuse('wrong-type', source, `is no AMR from byte ${brokenAtByte} on: record or convert it again`)
  if (durationMs > maxSeconds * 1_000)
    refuse(
      'too-big',
      source,
      `lasts ${durationMs / 1_000} s, type ${type} takes at most ${maxSeconds} s: cut it`,
    )
}

/** Refuses what the platform would refuse. Errors: `invalid` (too small), `too-big` (bytes, seconds), `wrong-type`. */
export const inspect = async (source: Source, rule: InspectRule): Promise<void> => {
  inspectSize(source, rule)
  await inspectFormat(source, rule)
  await inspectLength(source, rule)
}

const nameProblem = (name: string, maxBytes: number): string | undefined => {
  const sizeBytes = Buffer.byteLength(name)
  if (name.trim() === '') return 'is empty'
  if (!name.isWellFormed()) return 'is not valid Unicode'
  if (sizeBytes > maxBytes) return `has ${sizeBytes} bytes in UTF-8, at most ${maxBytes} are taken`
  if (/\p{Cc}/u.test(name)) return 'has a control character'
  // Stated for the provider variant only, observed here as a precaution (notes/wecom-facts.md §2.3).
  const bad = /[/\\:]/.exec(name)
  return bad === null ? undefined : `has ${shown(bad[0])}, which the platform does not take`
}

/** A display name that the platform can carry, at most `maxBytes` of UTF-8. Errors: `invalid`. */
export const checkName = (name: string, maxBytes: number): void => {
  const problem = nameProblem(name, maxBytes)
  if (problem !== undefined)
    throw new Fault('invalid', `the name ${shown(name)} ${problem}: rename the file, or give another name`)
}
