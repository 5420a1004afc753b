/** Nothing is uploaded twice: the index from content to result. */

export { defaultMinLifeMs, type Entry, type Subject } from './entry.ts'
export { type Claimant, createLedger, type Ledger, type Taken } from './ledger.ts'
