/** The suite tickets that were issued. Every one counts for 30 minutes, also while newer ones exist (p/90628). */

import { randomBytes } from 'node:crypto'
import type { Directory } from './directory.ts'
import { ticketLifetimeMs } from './rules.ts'
import type { SettableClock } from './settable-clock.ts'

export class Tickets {
  readonly #directory: Directory
  readonly #clock: SettableClock
  /** By suite and ticket: when it ends. */
  readonly #ends = new Map<string, number>()

  constructor(directory: Directory, clock: SettableClock) {
    this.#directory = directory
    this.#clock = clock
  }

  /** A new ticket of at most 512 bytes; throws `BadInput` for an unknown suite. Whoever issues it tells the suite. */
  issue(suiteId: string): string {
    this.#directory.demandSuite(suiteId)
    const ticket = randomBytes(60).toString('base64url')
    this.#ends.set(keyOf(suiteId, ticket), this.#clock.nowMs() + ticketLifetimeMs)
    return ticket
  }

  isValid(suiteId: string, ticket: string): boolean {
    const endMs = this.#ends.get(keyOf(suiteId, ticket))
    return endMs !== undefined && this.#clock.nowMs() < endMs
  }

  clear(): void {
    this.#ends.clear()
  }
}

const keyOf = (suiteId: string, ticket: string): string => `${suiteId}\n${ticket}`
