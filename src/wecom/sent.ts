/** The layer that writes down that a call goes out, and takes that back only after a definite no. */

import { Fault } from '../fault.ts'
import type { Layer } from './call.ts'

/**
 * Innermost, so that nothing lies between the mark and the first byte. `unknown` leaves the mark, and so does
 * everything that is no fault of ours: a mark too many costs a look, a mark too few a duplicate.
 */
export const withSent: Layer = inner => async request => {
  const { mark, grant = {} } = request
  if (!mark) return inner(request)
  await mark.sent(grant)
  try {
    return await inner(request)
  } catch (error) {
    if (error instanceof Fault && error.kind !== 'unknown') {
      // If taking the mark back fails it stays, which is the safe side; the caller needs the first fault.
      await mark.refused(error).catch(() => {})
    }
    throw error
  }
}
