/** What the receiver is told and whom it tells: the parties it knows, a request, its answer, and the sink. */

import type { CallbackKeys } from './envelope.ts'
import type { MediaMessage, SuiteTicket } from './events.ts'
import type { RefusalReason } from './refused.ts'

/** Who is called back at one URL: an app of a corp, or a suite (third-party app). */
export interface Party {
  /** The configured id in the URL, /callback/:id. */
  readonly id: string
  readonly keys: CallbackKeys
  /** The receive ids that a URL check (GET) may carry: the corp of an app; the provider's corp of a suite. */
  readonly verifiedAs: readonly string[]
  /** The id that command callbacks (指令回调) are addressed to; undefined for a corp's own app. */
  readonly suiteId?: string
  /** Whether data callbacks may be addressed to this corp: the app's own; any authorised tenant of a suite. */
  serves(corpId: string): boolean
}

/** What the receiver hands on, to be stored and to wake others. Each is idempotent, and rejects when it is not written down. */
export interface Sink {
  /** Whether this ciphertext was remembered within the last 24 hours. */
  seen(party: string, hash: string): Promise<boolean>
  remember(party: string, hash: string): Promise<void>
  jobFinished(party: Party, corpId: string, jobId: string): Promise<void>
  suiteTicket(party: Party, ticket: SuiteTicket): Promise<void>
  media(party: Party, corpId: string, message: MediaMessage): Promise<void>
}

/** One request, already bounded: the HTTP layer must not read a body beyond `maxXmlBytes` by much. */
export interface CallbackRequest {
  /** Upper case. */
  readonly verb: string
  /** Undefined when nobody is configured under this id. */
  readonly party: Party | undefined
  /** From the path, where the URL was configured with `$CORPID$`. */
  readonly corpId?: string
  /** URL-decoded once. A parameter that appears twice must be left out or be a list, never the first or last of them. */
  readonly query: Readonly<Record<string, unknown>>
  /** The bytes as they came: no decoding, no JSON. */
  readonly body: Buffer
}

/** The HTTP layer sends this as it is, with `nosniff`: no charset guessing, no quotes, no line end. */
export interface CallbackAnswer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
  readonly event: 'verify' | 'job-finished' | 'suite-ticket' | 'media' | 'other' | 'none'
  readonly outcome: 'accepted' | 'replayed' | 'refused' | 'failed'
  readonly reason?: RefusalReason
  /** What the platform calls an event that we do not know: for logs, not for labels. */
  readonly name?: string
}
