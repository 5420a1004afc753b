/** The layer that writes down that a call goes out, and takes that back only after a definite no. */

import { Fault } from '../fault.ts'
import type { Layer } from './call.ts'
import type { Grant } from './seams.ts'

/**
 * Innermost, so that nothing lies between the mark and the first byte; where the gate has left it, nothing but this look.
 * `unknown` leaves the mark, and so does everything that is no fault of ours: a mark too many costs a look, a mark too few
 * a duplicate.
 */
export const withSent: Layer = inner => async request => {
  const { mark, grant = {} } = request
  if (!mark) return inner(request)
  if (!grant.isMarked) await mark.sent(grant)
  try {
    if (grant.isMarked) assertYoung(grant)
    return await inner(request)
  } catch (error) {
    if (error instanceof Fault && error.kind !== 'unknown') {
      // If taking the mark back fails it stays, which is the safe side; the caller needs the first fault.
      await mark.refused(error).catch(() => {})
    }
    throw error
  }
}

/** Of a grant that is used too late somebody else has the turn by now. */
export function assertYoung({ lifeMs = Number.POSITIVE_INFINITY, ageMs }: Grant): void {
  if ((ageMs?.() ?? 0) <= lifeMs) return
  throw new Fault('limit', 'the grant was too old when the call was about to leave; ask again', { waitMs: 0 })
}
