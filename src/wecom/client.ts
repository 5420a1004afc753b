/** The platform's media API as a client: the onion, and one binding per method. */

import type { Dispatcher } from 'undici'
import { type Clock, systemClock } from '../clock.ts'
import { Fault, type FaultReport } from '../fault.ts'
import { readReply } from './answer.ts'
import { bindings } from './bindings.ts'
import { type Call, type CallOptions, onion } from './call.ts'
import { type OnCall, reporter } from './event.ts'
import { withGate } from './gate.ts'
import type { ByteRange, Media } from './media.ts'
import type { MediaType } from './media-types.ts'
import { memoryTokenStore } from './memory-token-store.ts'
import type { ImageFile, UploadFile } from './multipart.ts'
import { openGate } from './open-gate.ts'
import { defaultBaseUrl, type Platform, platformAt } from './platform.ts'
import { tokenReply } from './replies.ts'
import { defaultRetryPolicy, type RetryPolicy, withRetry } from './retry.ts'
import type { Gate, Slots } from './seams.ts'
import { withSent } from './sent.ts'
import { createSlots, withSlot } from './slots.ts'
import { defaultTimeouts, type Timeouts } from './timeouts.ts'
import { createTokens, tokenKey, withToken } from './token.ts'
import type { TokenStore } from './token-store.ts'
import { createDispatcher, createTransport } from './transport.ts'

export interface ClientOptions {
  readonly corpId: string
  readonly secret: string
  /** The app's configured id, in messages, events and the token's key. Default `default`. */
  readonly app?: string
  /** Default `https://qyapi.weixin.qq.com/cgi-bin`; a private deployment's or a simulator's otherwise. */
  readonly baseUrl?: string
  /** Default: in this process only. A fleet shares one with `redisTokenStore`. */
  readonly tokens?: TokenStore
  /** Your own undici dispatcher, which you close. Default: HTTP/1.1, proxies from the environment. */
  readonly dispatcher?: Dispatcher
  /** Connections, and calls at a time. Default 16. */
  readonly connections?: number
  /** Default: as many as `connections`. */
  readonly slots?: Slots
  /** Where the platform's limits are kept. Default: none are. */
  readonly gate?: Gate
  readonly timeouts?: Partial<Timeouts>
  readonly retry?: Partial<RetryPolicy>
  /** Called after each exchange with the platform, those for tokens included. */
  readonly onCall?: OnCall
  readonly clock?: Clock
}

export interface Uploaded {
  readonly type: MediaType
  readonly mediaId: string
  /** By the platform's clock, milliseconds since 1970. */
  readonly createdAtMs: number
  /** Three days later. */
  readonly expiresAtMs: number
}

export interface Client {
  /**
   * Uploads a temporary medium (media/upload, document/path/90253). Faults: `invalid` and `too-big` before anything is
   * sent; `rejected`, `wrong-type`, `too-big`, `config`, `unavailable`, `limit`, `busy` when the platform said no;
   * `transient` when surely nothing happened; `unknown` when it may have.
   */
  upload(file: UploadFile, options?: CallOptions): Promise<Uploaded>
  /**
   * Uploads a permanent image and answers its URL (media/uploadimg, document/path/90256). Each call costs a unit of the
   * company's quota. Faults: as `upload`.
   */
  uploadImage(file: ImageFile, options?: CallOptions): Promise<{ readonly url: string }>
  /**
   * Fetches a medium, or the bytes `range.start` to `range.end` of it, both inclusive (media/get, document/path/90254).
   * Faults: as `upload`, without `unknown`, and `gone` for a media_id that is expired, unknown or of another corp.
   */
  get(mediaId: string, options?: CallOptions & { readonly range?: ByteRange }): Promise<Media>
  /** Why the platform refuses this app now (its secret, its address), for the whole fleet; undefined while it does not. */
  closed(): Promise<FaultReport | undefined>
  /** Waits for running calls and closes the connections, if they are our own. */
  close(): Promise<void>
}

/** A refresh is one small call: its deadline, and the life of its lock, which must be longer. Milliseconds. */
const refreshMs = 10_000
const refreshLockMs = 12_000

/** A client of one app. Throws `config` when corp id, secret or base URL are missing or wrong. */
export function createClient(options: ClientOptions): Client {
  const {
    corpId,
    connections = 16,
    slots = createSlots(connections),
    gate = openGate,
    clock = systemClock,
  } = options
  if (!corpId || !options.secret) {
    throw new Fault('config', 'corp id or secret is missing: set WECOM_CORP_ID and WECOM_CORP_SECRET')
  }
  const closing = new AbortController()
  let closed: Promise<void> | undefined
  const platform = platformAt(options.baseUrl ?? defaultBaseUrl)
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const policy = { ...defaultRetryPolicy, ...options.retry }
  const dispatcher = options.dispatcher ?? createDispatcher(connections, timeouts)
  const report = reporter(options.onCall, options.app ?? 'default', corpId)
  const transport = createTransport({
    dispatcher,
    platform,
    timeouts,
    report,
    nowMs: () => clock.monotonicMs(),
  })
  const tokens = tokensOf(options, platform, transport, clock, closing.signal)
  const call = onion(
    transport,
    withRetry(policy),
    withToken(tokens),
    withSlot(slots),
    withGate(gate, corpId),
    withSent,
  )
  return {
    ...bindings(call, clock),
    closed: () => tokens.closed(),
    close() {
      closing.abort(new Fault('cancelled', 'the client was closed'))
      closed ??= dispatcher === options.dispatcher ? Promise.resolve() : dispatcher.close()
      return closed
    },
  }
}

/** gettoken passes no gate: it has no media rules, and the refresh is one for the fleet as it is. */
function tokensOf(
  options: ClientOptions,
  { baseUrl }: Platform,
  transport: Call,
  clock: Clock,
  signal: AbortSignal,
) {
  const { corpId, secret, app = 'default', tokens: store = memoryTokenStore(clock) } = options
  const fetch = async (signal?: AbortSignal) => {
    const query = { corpid: corpId, corpsecret: secret }
    const read = readReply(tokenReply)
    const { value } = await transport({
      method: 'gettoken',
      query,
      read,
      totalMs: refreshMs,
      ...(signal && { signal }),
    })
    return { value: value.access_token, lifeMs: value.expires_in * 1000 }
  }
  return createTokens({
    store,
    key: tokenKey(baseUrl, corpId, app, secret),
    fetch,
    clock,
    lockMs: refreshLockMs,
    app,
    signal,
  })
}
