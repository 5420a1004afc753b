/** An upload whose media_id is kept alive under a name: the name is entered before anything is called, and keeps to its bytes. */

import { Fault } from '../fault.ts'
import type { KeptMedium } from '../ledger/index.ts'
import { isRenewal } from '../queues/identity.ts'
import type { Payload } from '../queues/jobs.ts'
import { endPassed, nameTaken, wishOf } from '../queues/keep-alive-wish.ts'
import type { KeptWrite } from '../record/index.ts'
import type { JobContext, Resources } from './context.ts'

export interface Keeping {
  /** Throws `conflict` when the name was given to other bytes: nobody's picture is swapped unseen. */
  check(sha256: string): void
  /** What `accept` writes beside the result. */
  write(medium: Omit<KeptMedium, 'job'>): KeptWrite
}

/**
 * Undefined when nothing is to be kept of the result: nothing was asked for, or the name was let go of meanwhile. A job
 * of our producer has its name already, one of a foreign producer gets it here. Throws `conflict` when it is taken,
 * `invalid` when its end had passed before it was asked for.
 */
export async function keeping(
  payload: Payload<'media.upload'>,
  { id: job, claimant, attempt }: JobContext,
  { names, corpOf }: Resources,
): Promise<Keeping | undefined> {
  const wish = wishOf(payload)
  if (!wish) return undefined
  const { recordKey } = claimant
  const asked = isRenewal(job) ? 'renewal' : attempt.openedAtMs
  if (asked !== 'renewal' && wish.untilMs <= asked) throw endPassed()
  const entered = await names.enter({ ...wish, job, recordKey, asked })
  if (entered.as === 'over') return undefined
  if (entered.as === 'taken') throw nameTaken(wish)
  const { medium: before, takenBy } = entered
  return {
    check(sha256) {
      if (before && before.sha256 !== sha256) throw changed(wish)
    },
    write: medium => names.write({ ...wish, takenBy }, corpOf(payload.app), { ...medium, job }),
  }
}

const changed = ({ app, name }: { readonly app: string; readonly name: string }): Fault =>
  new Fault(
    'conflict',
    `the source of "${name}" (app "${app}") has other bytes than those that are kept alive: put the old ones back, or let go of the name and upload the new ones`,
  )
