/**
 * Every call as the simulator saw it, from the arrival of its head on: the judge of what was really sent.
 * Waiting is part of it, so that a test acts "when half the body is there" without polling.
 */

import { BadInput, type Input } from './control/input.ts'

export interface CallEntry {
  readonly id: number
  /** 'open' from the head's arrival on, 'held' by a fault, 'done' once the whole answer is handed over or cut. */
  state: 'open' | 'held' | 'done'
  /** Arrival of the request's head, real time. */
  readonly atMs: number
  /** The same by a clock that is never set, in milliseconds and parts of them from some start: for distances. */
  readonly monotonicMs: number
  /** The same by the simulator's clock. */
  readonly simulatorAtMs: number
  /** Real time at which the call became 'done'. */
  endedAtMs?: number
  readonly verb: string
  /** The path behind /cgi-bin/, such as `media/upload`. */
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly corp?: string
  readonly agent?: string
  readonly range?: string
  /** Names of the acts that met this call, joined by '+'. */
  readonly fault?: string
  /** What refused this call on its arrival: the name of a rule, or of a setting such as `concurrency`. */
  readonly limit?: string
  /** Of the request's body, as far as it was read. */
  bytesIn: number
  /** Of the answer's body, as far as it was handed to the connection. */
  bytesOut: number
  /** HTTP status and errcode of the answer, from the moment it was decided. */
  status?: number
  errcode?: number
  /** The connection ended before the answer was complete: by the client, or by a fault or the simulator. */
  aborted: false | 'client' | 'simulator'
  /** The medium that was accepted or asked for. */
  mediaId?: string
  /** Of an upload's content. */
  sha256?: string
  filename?: string
  /** Of an attachment that was accepted: the one scene its medium is for. */
  attachmentType?: number
  /** The company whose token a suite asked for. */
  tenant?: string
  /** The asynchronous upload that was accepted or asked for. */
  jobId?: string
  /** Of a permanent image that was accepted. */
  url?: string
}

export interface CallFilter {
  readonly method?: string | undefined
  readonly corp?: string | undefined
  readonly state?: CallEntry['state'] | undefined
  /** Only calls with a greater id. */
  readonly since?: number | undefined
  readonly minBytesIn?: number | undefined
  readonly errcode?: number | undefined
  /** Only calls that a limit refused on their arrival, or only the others. */
  readonly refused?: boolean | undefined
}

export type CallPredicate = (call: CallEntry) => boolean

export interface WaitOptions {
  /** How many calls must match at the same time. Default 1. */
  readonly count?: number | undefined
  /** Default 10 000. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface Waiter {
  readonly matches: CallPredicate
  readonly matching: Set<CallEntry>
  readonly count: number
  readonly resolve: (calls: CallEntry[]) => void
}

/** The filter of a control request. */
export function readFilter(input: Input): CallFilter {
  return {
    method: input.textIfAny('method'),
    corp: input.textIfAny('corp'),
    state: input.choiceIfAny('state', ['open', 'held', 'done']),
    since: input.integerIfAny('since', 0),
    minBytesIn: input.integerIfAny('minBytesIn', 0),
    errcode: input.integerIfAny('errcode', -1),
    refused: input.flagIfAny('refused'),
  }
}

export class CallLog {
  #entries: CallEntry[] = []
  readonly #waiters = new Set<Waiter>()
  #lastId = 0

  open(facts: Omit<CallEntry, 'id' | 'state' | 'bytesIn' | 'bytesOut' | 'aborted'>): CallEntry {
    this.#lastId += 1
    const entry: CallEntry = {
      id: this.#lastId,
      state: 'open',
      ...facts,
      bytesIn: 0,
      bytesOut: 0,
      aborted: false,
    }
    this.#entries.push(entry)
    this.#tell(entry)
    return entry
  }

  update(entry: CallEntry, change: Partial<CallEntry>): void {
    Object.assign(entry, change)
    this.#tell(entry)
  }

  list(filter: CallFilter | CallPredicate = {}): CallEntry[] {
    return this.matching(filter).map(entry => ({ ...entry }))
  }

  /** The entries themselves, by arrival: for counting, never to be handed out. */
  matching(filter: CallFilter | CallPredicate = {}): CallEntry[] {
    return this.#entries.filter(predicateOf(filter))
  }

  /** The matching calls, as soon as there are `count`; throws `BadInput` after `timeoutMs`. */
  async wait(filter: CallFilter | CallPredicate, options: WaitOptions): Promise<CallEntry[]> {
    const { count = 1, timeoutMs = 10_000, signal } = options
    const matches = predicateOf(filter)
    const ready = Promise.withResolvers<CallEntry[]>()
    const waiter = {
      matches,
      matching: new Set(this.#entries.filter(matches)),
      count,
      resolve: ready.resolve,
    }
    if (waiter.matching.size >= count) return this.list(matches)
    const timer = setTimeout(() => ready.reject(new BadInput(this.#tooLate(waiter, timeoutMs))), timeoutMs)
    const stop = (): void => ready.reject(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    this.#waiters.add(waiter)
    try {
      signal?.throwIfAborted()
      return await ready.promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      this.#waiters.delete(waiter)
    }
  }

  /** Ids go on, so that a call from before is never mistaken for a new one. */
  clear(): void {
    this.#entries = []
    for (const { matching } of this.#waiters) matching.clear()
  }

  #tell(entry: CallEntry): void {
    for (const { matches, matching, count, resolve } of this.#waiters) {
      if (matches(entry)) matching.add(entry)
      else matching.delete(entry)
      if (matching.size >= count) resolve([...matching].map(each => ({ ...each })))
    }
  }

  #tooLate({ matching, count }: Waiter, timeoutMs: number): string {
    const total = this.#entries.length
    return `waited ${timeoutMs} ms for ${count} calls of this kind, saw ${matching.size} (${total} calls in the log)`
  }
}

function predicateOf(filter: CallFilter | CallPredicate): CallPredicate {
  if (typeof filter === 'function') return filter
  const { method, corp, state, since = 0, minBytesIn = 0, errcode, refused } = filter
  return call =>
    (method === undefined || call.method === method) &&
    (corp === undefined || call.corp === corp) &&
    (state === undefined || call.state === state) &&
    (errcode === undefined || call.errcode === errcode) &&
    (refused === undefined || refused === (call.limit !== undefined)) &&
    call.id > since &&
    call.bytesIn >= minBytesIn
}
