/** The server: the platform's methods under /cgi-bin/, the control API under /_control/, and the direct methods. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AddedMedium, addMedium, type MediumSpec } from './add-medium.ts'
import type { App } from './apps.ts'
import { CallbackMethods } from './callback-methods.ts'
import { control } from './control/api.ts'
import type { Directory } from './directory.ts'
import { arrive } from './exchange.ts'
import type { Faults } from './faults.ts'
import type { Limits } from './limits/limits.ts'
import type { CallEntry, CallFilter, CallPredicate, WaitOptions } from './log.ts'
import { type Settings, type SimulatorOptions, settingsOf } from './options.ts'
import { type Peak, type PeakQuestion, peak, type Rate, type RateQuestion, rate } from './rates.ts'
import { routes } from './routes/index.ts'
import { serveImage } from './serve-image.ts'
import type { ClockChange, ClockReading, SettableClock } from './settable-clock.ts'
import { abortAll, createState, resetState, type State } from './state.ts'
import type { Invalidation } from './tokens.ts'
import { UnderWay } from './under-way.ts'

/** As many as nginx keeps an idle connection by default. */
const keepAliveTimeoutMs = 75_000

/**
 * A stand-in for WeCom's media API on localhost.
 *
 * It does NOT imitate: TLS and HTTP/2; permissions of an app other than 客户联系; how a company authorises a suite
 * (permanent codes are settings here); limits that the manual gives to no media method (`debug=1`, jsapi_ticket),
 * those per corp on a call that names its caller in the body (the token of a suite or a provider), the throttle on
 * right calls of gettoken, the higher limits of third-party providers, limits that slowly tighten or that differ
 * between the platform's own servers; the minute that a change of the trusted IPs takes; a picture host apart from the API, or pictures blocked outside WeCom; virus checks and
 * transcoding (a voice comes back as it went in, HD voice from media/get too); resolution and duration of an
 * attachment, and where a medium may be used besides media/get; what users see of a message; timing.
 * Where the manual is silent it does what its switches say, and the switches are guesses: above all where a
 * window of a limit begins, and what a refused call costs.
 */
export class Simulator extends CallbackMethods {
  readonly #settings: Settings
  readonly #state: State
  readonly #server: Server
  readonly #underWay = new UnderWay()

  constructor(options: SimulatorOptions = {}) {
    const settings = settingsOf(options)
    const state = createState(settings, Object.keys(routes))
    super(state)
    this.#settings = settings
    this.#state = state
    this.#server = createServer({ keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: 0 })
    this.#server.on('request', (request, response) => this.#handle(request, response))
  }

  /** Where clients go: `http://127.0.0.1:PORT/cgi-bin`. */
  get baseUrl(): string {
    return `${this.#origin}/cgi-bin`
  }

  /** Where `createControl` goes. */
  get controlUrl(): string {
    return `${this.#origin}/_control`
  }

  get clock(): SettableClock {
    return this.#state.clock
  }

  get faults(): Faults {
    return this.#state.faults
  }

  get limits(): Limits {
    return this.#state.limits
  }

  /** The apps, suites, tenants and providers, to be added to while it runs. */
  get directory(): Directory {
    return this.#state.directory
  }

  /** Rejects with the server's error, such as EADDRINUSE. */
  async start(): Promise<this> {
    const started = Promise.withResolvers<void>()
    this.#server.once('error', started.reject)
    this.#server.listen(this.#settings.port, this.#settings.host, started.resolve)
    await started.promise
    this.#server.off('error', started.reject)
    return this
  }

  /** Cuts what is under way and removes all files. */
  async stop(): Promise<void> {
    this.#underWay.cut()
    if (this.#server.listening) {
      const closed = Promise.withResolvers<void>()
      this.#server.close(() => closed.resolve())
      this.#server.closeAllConnections()
      await closed.promise
    }
    await this.#underWay.ended()
    await abortAll(this.#state)
    await this.#state.media.clear()
  }

  /** Cuts what is under way, and goes back to the start. */
  async reset(): Promise<void> {
    this.#underWay.cut()
    await this.#underWay.ended()
    await resetState(this.#state)
  }

  log(filter?: CallFilter | CallPredicate): CallEntry[] {
    return this.#state.log.list(filter)
  }

  /** How many calls match: cheap, however long the log. */
  count(filter?: CallFilter | CallPredicate): number {
    return this.#state.log.matching(filter).length
  }

  /** The largest number of matching calls in any sliding window. */
  peak(question: PeakQuestion): Peak {
    return peak(this.#state.log, question)
  }

  /** The matching calls per whole window, and what part of an allowance that is. */
  rate(question: RateQuestion): Rate {
    return rate(this.#state.log, question)
  }

  /** The matching calls, as soon as there are `count`; rejects after `timeoutMs` (default 10 000). */
  waitFor(filter: CallFilter | CallPredicate, options: WaitOptions = {}): Promise<CallEntry[]> {
    return this.#state.log.wait(filter, options)
  }

  /** Lets one held call go, or all; answers how many. */
  release(callId?: number): number {
    return this.#state.holds.release(callId)
  }

  setClock(change: ClockChange): ClockReading {
    return this.#state.clock.change(change)
  }

  advance(ms: number): ClockReading {
    return this.setClock({ advanceMs: ms })
  }

  /** Takes tokens back before their time; answers how many. */
  invalidateTokens(which: Invalidation = {}): number {
    return this.#state.tokens.invalidate(which)
  }

  addApp(app: App): void {
    this.directory.add({ apps: [app] })
  }

  /** A new suite ticket, good for 30 minutes; throws `BadInput` for an unknown suite. */
  issueTicket(suiteId: string): string {
    return this.#state.tickets.issue(suiteId)
  }

  /** Throws `BadInput` for a medium that makes no sense. */
  addMedia(spec: MediumSpec): Promise<AddedMedium> {
    const { media, clock } = this.#state
    return addMedium(media, spec, { corpId: this.#settings.apps[0].corpId, nowMs: clock.nowMs() })
  }

  get #origin(): string {
    const address = this.#server.address() as AddressInfo | null
    if (!address) throw new Error('the simulator is not running: await start() first')
    return `http://${this.#settings.host}:${address.port}`
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '', 'http://simulator')
    if (url?.pathname.startsWith('/_control/')) {
      void control(this, request, response, url)
      return
    }
    if (url?.pathname.startsWith('/pic_wework/')) {
      void serveImage(this.#state.media, response, url.pathname)
      return
    }
    this.#underWay.answer(
      arrive(this.#state, request, response, url ?? new URL('http://simulator/unreadable')),
    )
  }
}
