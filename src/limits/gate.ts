/**
 * The gate: waits in process up to the caller's patience, otherwise throws `limit` with the time and, for jobs, with a
 * booking to come back with. A grant may be used once and only while it is young; who got one must call `done`.
 */

import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import { Fault } from '../fault.ts'
import type { Gate, GateCall, Grant } from '../wecom/seams.ts'
import { type Booking, isBooking } from './booking.ts'
import { ask, type Verdict } from './bucket.ts'
import { type Flights, trackFlights } from './concurrency.ts'
import { type OnLimitEvent, teller } from './events.ts'
import type { Pair } from './keys.ts'
import { lowerConcurrency, penalise } from './penalty.ts'
import { blockQuota } from './quota.ts'
import type { Store } from './store.ts'

export interface GateOptions {
  readonly clock?: Clock
  readonly onEvent?: OnLimitEvent
  /** Default `Math.random`. */
  readonly random?: () => number
}

export interface LimitGrant extends Required<Grant> {}

export interface LimitGate extends Gate {
  /**
   * Faults: `limit` with `waitMs`, and with a `booking` for callers that keep them. Errors of Redis pass as they are: no
   * answer, no grant. A booking is looked at once; who shows it again asks like everybody else.
   */
  pass(call: GateCall): Promise<LimitGrant>
  /** When the ends of all calls so far are written down, or could not be: before the connection is closed. */
  settled(): Promise<void>
}

interface Parts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly tell: OnLimitEvent
  readonly flights: Flights
  /** Bookings that were shown here before. */
  readonly shown: WeakSet<object>
  /** The birth of Redis as last seen. */
  birth: string
}

/** The gate of one process; `store` says by which rules, and is shared with quota and reading. */
export function createGate(store: Store, options: GateOptions = {}): LimitGate {
  const { clock = systemClock, random = Math.random } = options
  const flights = trackFlights(store, clock)
  const parts: Parts = {
    store,
    clock,
    random,
    tell: teller(options.onEvent),
    flights,
    shown: new WeakSet(),
    birth: '',
  }
  return { pass: call => pass(parts, call), settled: flights.settled }
}

async function pass(parts: Parts, call: GateCall): Promise<LimitGrant> {
  const { clock, tell } = parts
  const { corp, method, signal, patienceMs, along } = call
  const startedMs = clock.monotonicMs()
  let booking = bookingOf(parts, call)
  for (;;) {
    signal?.throwIfAborted()
    const askedMs = clock.monotonicMs()
    const leftMs = Math.max(0, patienceMs - (askedMs - startedMs))
    const lease = randomUUID()
    const asked = askOnce(parts, call, { booking, lease, leftMs })
    // A mark that was left is taken back by who asked for it: it has to know.
    const verdict = await (along ? asked : unlessAborted(asked, signal))
    if (verdict.as === 'refused') along?.heard(verdict.word)
    if (verdict.as === 'go') {
      along?.heard('go')
      tell({ as: 'grant', corp, method, waitedMs: askedMs - startedMs, booked: booking?.atUs !== undefined })
      return grantOf(parts, call, verdict, { lease, askedMs })
    }
    booking = verdict.booking
    const waitMs = verdict.waitMs + jitterMs(parts, verdict)
    if (waitMs > leftMs) throw putOff(parts, call, verdict, waitMs)
    await clock.sleep(waitMs, signal)
  }
}

/** While Redis is away an answer takes as long as that. Who gives up loses the grant; its lease ends by itself. */
function unlessAborted<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return answer
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function bookingOf({ shown }: Parts, { booking, method }: GateCall): Booking | undefined {
  if (!isBooking(booking) || booking.method !== method || shown.has(booking)) return undefined
  shown.add(booking)
  return booking
}

interface Asking {
  readonly booking: Booking | undefined
  readonly lease: string
  readonly leftMs: number
}

async function askOnce(parts: Parts, call: GateCall, { booking, lease, leftMs }: Asking): Promise<Verdict> {
  const { store, tell, flights } = parts
  flights.flush()
  const { corp, method, urgent = false, keepsBookings: keeps = false, along } = call
  const { horizonMs } = store.tuning
  // What is booked has room for the urgent behind it.
  const reachMs = keeps ? Math.max(leftMs, urgent ? 2 * horizonMs : horizonMs) : leftMs
  const question = { corp, method, booking, lease, reachMs, keeps, urgent, birth: parts.birth, along }
  const verdict = await ask(store, question)
  parts.birth = verdict.birth
  if (verdict.memoryLost) tell({ as: 'memory-lost' })
  if (verdict.voided) tell({ as: 'void', corp, method, why: verdict.voided })
  return verdict
}

/** Who holds a grant and may not use it yet has no turn of its own: such must not ask again together, ms. */
const spreadMs = 100
const jitterMs = ({ random }: Parts, { as, booking }: Verdict): number =>
  (as === 'shared' || as === 'crowded') && booking?.atUs !== undefined ? random() * spreadMs : 0

const reasons = {
  booked: 'its rate is used up, a grant is booked',
  beyond: 'its rate is used up, others are in line',
  shared: 'the address has used its share',
  crowded: 'too many calls are under way',
} as const

function putOff(
  { store, tell }: Parts,
  { corp, method, keepsBookings, patienceMs }: GateCall,
  { as, booking }: Verdict,
  waitMs: number,
): Fault {
  const why = as as keyof typeof reasons
  // Who wakes early must have the patience for the rest, or it would come back at once.
  const earlyMs = as === 'booked' && keepsBookings ? Math.min(store.tuning.wakeEarlyMs, patienceMs / 2) : 0
  const backInMs = Math.max(0, waitMs - earlyMs)
  tell({ as: 'wait', corp, method, why, waitMs: backInMs })
  const message = `${method} of corp ${corp}: ${reasons[why]}; go on in ${(backInMs / 1_000).toFixed(1)} s`
  return new Fault('limit', message, { waitMs: Math.ceil(backInMs), ...(keepsBookings && { booking }) })
}

function grantOf(
  parts: Parts,
  { corp, method, along }: GateCall,
  { atUs, ageMs }: Verdict,
  { lease, askedMs }: { readonly lease: string; readonly askedMs: number },
): LimitGrant {
  const pair = { corp, method }
  const end = parts.flights.begin(pair, lease)
  return {
    atMs: Math.floor(atUs / 1_000),
    lifeMs: parts.store.rules.grantLifeMs,
    isMarked: along !== undefined,
    // The answer took part of the time since asking; all of it is counted.
    ageMs: () => ageMs + parts.clock.monotonicMs() - askedMs,
    async done(fault) {
      const missed = (error: unknown): void => parts.tell({ as: 'not-recorded', ...pair, error })
      if (fault) await learn(parts, pair, atUs, fault).catch(missed)
      await end().catch(missed)
    },
  }
}

/** 45009: too often, 45033: too many at once (document/path/90313). A `limit` of ours: the grant got too old to leave. */
async function learn(parts: Parts, pair: Pair, atUs: number, { kind, errcode }: Fault): Promise<void> {
  if (errcode === 45009) await refused(parts, pair, atUs)
  if (errcode === 45033) await crowded(parts, pair, atUs)
  if (kind === 'limit' && errcode === undefined) parts.tell({ as: 'void', ...pair, why: 'late' })
}

async function refused({ store, tell }: Parts, pair: Pair, atUs: number): Promise<void> {
  const { isNew, ...penalty } = await penalise(store, pair, atUs)
  if (isNew) tell({ as: 'penalty', ...pair, ...penalty })
  if (store.rules.of(pair.corp, pair.method).quota.length === 0) return
  tell({ as: 'quota-blocked', ...pair, untilMs: await blockQuota(store, pair) })
}

async function crowded({ store, tell }: Parts, pair: Pair, atUs: number): Promise<void> {
  const { isNew, cap } = await lowerConcurrency(store, pair, atUs)
  if (isNew) tell({ as: 'concurrency', ...pair, cap })
}
