/** Nothing is uploaded twice: the index from content to result. Nothing dies that is still needed: the names that are kept alive. */

export { defaultMinLifeMs, type Entry, type Subject } from './entry.ts'
export {
  type Asking,
  createKeepAlive,
  type Entered,
  type KeepAlive,
  keptChannel,
  type SeenName,
} from './keep-alive.ts'
export {
  defaultRenewBeforeMs,
  type Kept,
  type KeptEnd,
  type KeptJob,
  type KeptMedium,
  type KeptState,
  keptId,
  keptStateOf,
  keptStates,
  nextStep,
  renewalAtMs,
  renewalOf,
} from './kept.ts'
export { type Claimant, createLedger, type Ledger, type Taken } from './ledger.ts'
