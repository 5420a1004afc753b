/** The only way for a fuzzed call to fail. */

import { expect } from 'vitest'
import { Fault } from '../../src/fault.ts'

/** What it answers, or the fault; anything else that is thrown fails the test. */
export async function orFault<T>(work: () => Promise<T>): Promise<T | Fault> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    expect(error.message).not.toMatch(/[\r\n]/)
    return error
  }
}
