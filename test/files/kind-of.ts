/** How something ended, for tests that compare kinds. */

import { Fault, type Kind } from '../../src/fault.ts'

export const kindOf = async (work: () => Promise<unknown>): Promise<Kind | 'no fault' | 'not a fault'> => {
  try {
    await work()
    return 'no fault'
  } catch (error) {
    return error instanceof Fault ? error.kind : 'not a fault'
  }
}
