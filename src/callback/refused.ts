/** Why a callback is not taken, as a closed list. The reason is for our metrics; the sender always gets the same answer. */

export type RefusalReason =
  | 'method'
  | 'unknown-party'
  | 'too-big'
  | 'malformed'
  | 'xml'
  | 'signature'
  | 'decrypt'
  | 'receiver'
  | 'stale'

/** Never leaves this folder: the receiver turns it into an answer. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`callback refused: ${reason}`)
    this.reason = reason
  }
}
