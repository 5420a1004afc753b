/** What an upload says to have its media_id kept alive, and what it means for names: which uploads may share one. */

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Fault } from '../fault.ts'
import type { Asking } from '../ledger/index.ts'
import type { Payload } from './jobs.ts'

/** Unique per app. */
const KeptName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'a name has 1 to 64 letters, digits, ".", "_" and "-"')

export const KeepAliveWish = z.strictObject({
  name: KeptName,
  /** ISO 8601 with seconds and offset. */
  until: z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T18:00:00+08:00' }),
})

type Wish = Pick<Asking, 'app' | 'name' | 'untilMs' | 'payload' | 'fingerprint'>

/** Undefined for an upload that asks for nothing. How urgent it is and how long it may take may differ under one name. */
export function wishOf(upload: Payload<'media.upload'>): Wish | undefined {
  const { app, type, source, attachment, name: shown, keepAlive } = upload
  if (!keepAlive) return undefined
  const same = JSON.stringify([app, type, source, attachment ?? null, shown ?? null])
  return {
    app,
    name: keepAlive.name,
    untilMs: Date.parse(keepAlive.until),
    payload: JSON.stringify(upload),
    fingerprint: createHash('sha256').update(same).digest('hex'),
  }
}

export const endPassed = (): Fault =>
  new Fault('invalid', 'keepAlive.until has passed: name a time to come, or leave keepAlive out')

export const nameTaken = ({ app, name }: Pick<Wish, 'app' | 'name'>): Fault =>
  new Fault(
    'conflict',
    `the name "${name}" of app "${app}" keeps another upload alive: choose another name, or let go of that one first`,
  )
