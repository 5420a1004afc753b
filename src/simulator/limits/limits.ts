/** Who may call: asked once at the arrival of each call, told once how it ended. Time is the simulator's clock. */

import { Input } from '../control/input.ts'
import type { SettableClock } from '../settable-clock.ts'
import { Meter } from './meter.ts'
import { type OpenCall, OpenCalls } from './open-calls.ts'
import { changed, defaultLimits, type LimitChange, type LimitRule, type LimitSettings } from './settings.ts'

/** The corp is absent where no token tells it. */
export interface Arrival extends OpenCall {
  readonly ip: string
  /** By the simulator's clock. */
  readonly atMs: number
}

export interface Ending {
  readonly status?: number | undefined
  readonly errcode?: number | undefined
}

export interface Admission {
  /** Why the call is refused, if it is: the code, and what said so (a rule's name, or the setting's). */
  readonly refusal?: { readonly errcode: number; readonly limit: string } | undefined
  /** To be called once, before the caller can know that its call is over. */
  readonly end: (ending: Ending) => void
}

export interface Lockout {
  /** The rule's name, or 'lockOut'. */
  readonly limit: string
  /** The corp or address. */
  readonly who: string
  readonly method: string
  /** By the simulator's clock. */
  readonly untilMs: number
}

/** A lock-out by hand, from now on. */
export interface LockoutSpec {
  readonly corp: string
  readonly method: string
  /** By the simulator's clock. Default 60 000. */
  readonly lockoutMs?: number | undefined
}

const separator = '\n'

export class Limits {
  readonly #clock: SettableClock
  readonly #methods: readonly string[]
  readonly #initial: LimitSettings
  #settings: LimitSettings
  /** By the rule's name, then by who and method. */
  readonly #meters = new Map<string, Map<string, Meter>>()
  /** Lock-outs by hand: their ends. */
  readonly #byHand = new Map<string, number>()
  readonly #open = new OpenCalls()

  /** Throws `BadInput` for limits that make no sense. */
  constructor(clock: SettableClock, change: LimitChange, methods: readonly string[]) {
    this.#clock = clock
    this.#methods = methods
    this.#initial = changed(defaultLimits, change, methods)
    this.#settings = this.#initial
  }

  get settings(): LimitSettings {
    return this.#settings
  }

  /** Counts and lock-outs of a rule that is named begin anew; of all where the kind of windows changes. */
  change(change: LimitChange): LimitSettings {
    const before = this.#settings
    this.#settings = changed(before, change, this.#methods)
    for (const name of Object.keys(change.rules ?? {})) this.#meters.delete(name)
    if (this.#settings.windows !== before.windows) this.#meters.clear()
    return this.#settings
  }

  /** Locks a corp out of a method, as if it had broken a rule just now. */
  lockOut(spec: LockoutSpec): void {
    const input = Input.from(spec, 'a lock-out')
    const [corp, method] = [input.text('corp'), input.choice('method', this.#methods)]
    const lockoutMs = input.integerIfAny('lockoutMs', 1) ?? 60_000
    input.end()
    this.#byHand.set(`${corp}${separator}${method}`, this.#clock.nowMs() + lockoutMs)
  }

  /** The lock-outs that last, the first to end first. */
  lockouts(): Lockout[] {
    const byRule = [...this.#meters].flatMap(([limit, meters]) =>
      [...meters].map(([key, { lockedUntilMs }]) => ({ limit, ...whoOf(key), untilMs: lockedUntilMs })),
    )
    const byHand = [...this.#byHand].map(([key, untilMs]) => ({ limit: 'lockOut', ...whoOf(key), untilMs }))
    const nowMs = this.#clock.nowMs()
    return [...byHand, ...byRule]
      .filter(({ untilMs }) => nowMs < untilMs)
      .sort((a, b) => a.untilMs - b.untilMs)
  }

  /** Forgets every count and every lock-out. */
  unblock(): void {
    this.#meters.clear()
    this.#byHand.clear()
  }

  /** Back to the start. */
  reset(): void {
    this.unblock()
    this.#settings = this.#initial
  }

  /** A refused call is not under way: a storm of them must not keep the doors closed. */
  admit(arrival: Arrival): Admission {
    const { trustedIps, countRefused } = this.#settings
    const isTrusted = trustedIps === 'any' || trustedIps.includes(arrival.ip)
    if (!isTrusted && arrival.method !== 'gettoken') return refused(60020, 'trustedIps')
    const meters = this.#metersOf(arrival)
    const refusal = this.#overRate(arrival, meters) ?? this.#overConcurrency(arrival)
    const counting =
      refusal && !countRefused ? [] : meters.filter(({ rule }) => rule.counts !== 'wrong-secrets')
    for (const meter of counting) meter.count(arrival.atMs)
    if (refusal) return refusal
    return { end: this.#enter(arrival, meters) }
  }

  #overRate({ method, corp, atMs }: Arrival, meters: readonly Meter[]): Admission | undefined {
    const untilMs = this.#byHand.get(`${corp}${separator}${method}`)
    if (untilMs !== undefined && atMs < untilMs) return refused(45009, 'lockOut')
    const { prolongLockout } = this.#settings
    // All are asked, since each keeps its own lock-out.
    const [first] = meters.filter(meter => meter.refuses(atMs, prolongLockout))
    return first && refused(45009, first.name)
  }

  #overConcurrency(arrival: Arrival): Admission | undefined {
    const limit = this.#open.limitMet(arrival, this.#settings)
    return limit && refused(45033, limit)
  }

  #enter(arrival: Arrival, meters: readonly Meter[]): Admission['end'] {
    const leave = this.#open.enter(arrival)
    return ending => {
      leave()
      for (const meter of meters) settle(meter, arrival.atMs, ending, this.#clock.nowMs())
    }
  }

  #metersOf(arrival: Arrival): Meter[] {
    return Object.entries(this.#settings.rules)
      .filter(([, rule]) => concerns(rule, arrival))
      .map(([name, rule]) => this.#meter(name, rule, `${whoIs(rule, arrival)}${separator}${arrival.method}`))
  }

  #meter(name: string, rule: LimitRule, key: string): Meter {
    const ofRule = this.#meters.get(name) ?? new Map<string, Meter>()
    this.#meters.set(name, ofRule)
    const meter = ofRule.get(key) ?? new Meter(name, rule, this.#settings.windows)
    ofRule.set(key, meter)
    return meter
  }
}

const refused = (errcode: number, limit: string): Admission => ({
  refusal: { errcode, limit },
  end: () => undefined,
})

const whoIs = ({ per }: LimitRule, { corp, ip }: Arrival): string | undefined => (per === 'corp' ? corp : ip)

function whoOf(key: string): { readonly who: string; readonly method: string } {
  const [who = '', method = ''] = key.split(separator)
  return { who, method }
}

function concerns(rule: LimitRule, arrival: Arrival): boolean {
  return (
    rule.on &&
    (rule.method === undefined || rule.method === arrival.method) &&
    (rule.corp === undefined || rule.corp === arrival.corp) &&
    whoIs(rule, arrival) !== undefined
  )
}

function settle(meter: Meter, arrivedMs: number, { status = 500, errcode }: Ending, nowMs: number): void {
  const { counts } = meter.rule
  // Files have no errcode, but a status.
  const isAccepted = errcode === 0 || (errcode === undefined && status < 300)
  if (counts === 'accepted' && !isAccepted) meter.takeBack(arrivedMs)
  if (counts === 'wrong-secrets' && errcode === 40001) meter.count(nowMs)
}
