/** Every callback and what became of it, kept as long as the log of calls; waiting for one is part of it. */

import { BadInput, type Input } from './control/input.ts'
import type { WaitOptions } from './log.ts'

/** One POST, or GET of a check. */
export interface Attempt {
  /** Real time at which it began. */
  readonly atMs: number
  /** Until the whole answer was there, or none was to come. */
  readonly ms: number
  /** HTTP status and body (as far as 64 KiB) of the answer. */
  readonly status?: number
  readonly body?: string
  /** Why there was no whole answer, such as 'timeout' or ECONNREFUSED. */
  readonly error?: string
}

export interface Delivery {
  readonly id: number
  /** 'waiting' for a fault's end, or its first attempt; 'open' while it is attempted. */
  state: 'waiting' | 'open' | 'done'
  /** `upload_media_job_finish`, `suite_ticket`, or the type of a message. */
  readonly event: string
  /** The corp it is about; absent for command callbacks. */
  readonly corp?: string | undefined
  readonly suiteId?: string | undefined
  readonly jobId?: string | undefined
  readonly mediaId?: string | undefined
  /** The delivery whose copy this one is. */
  readonly copyOf?: number | undefined
  /** Names of the acts that met it, joined by '+'. */
  readonly fault?: string | undefined
  /** What was sent: the URL with its query, and the body. */
  readonly url: string
  readonly body: string
  /** What the body holds, in the clear. */
  readonly message: string
  /** Real time at which it was due, and the same by the simulator's clock. */
  readonly atMs: number
  readonly simulatorAtMs: number
  endedAtMs?: number
  attempts: readonly Attempt[]
  /** 'failed' after the last attempt, 'stopped' by the simulator's end or reset. */
  outcome?: 'received' | 'failed' | 'dropped' | 'stopped'
  /** A command callback was answered 200, but not with `success`. */
  error?: string
}

export interface DeliveryFilter {
  readonly id?: number | undefined
  readonly event?: string | undefined
  readonly corp?: string | undefined
  readonly suiteId?: string | undefined
  readonly jobId?: string | undefined
  readonly state?: Delivery['state'] | undefined
  readonly outcome?: Delivery['outcome'] | undefined
  /** Only deliveries with a greater id. */
  readonly since?: number | undefined
}

/** The filter of a control request. */
export function readDeliveryFilter(input: Input): DeliveryFilter {
  return {
    id: input.integerIfAny('id', 1),
    event: input.textIfAny('event'),
    corp: input.textIfAny('corp'),
    suiteId: input.textIfAny('suiteId'),
    jobId: input.textIfAny('jobId'),
    state: input.choiceIfAny('state', ['waiting', 'open', 'done']),
    outcome: input.choiceIfAny('outcome', ['received', 'failed', 'dropped', 'stopped']),
    since: input.integerIfAny('since', 0),
  }
}

export class DeliveryLog {
  #entries: Delivery[] = []
  readonly #watchers = new Set<() => void>()
  #lastId = 0

  open(facts: Omit<Delivery, 'id' | 'state' | 'attempts'>): Delivery {
    this.#lastId += 1
    const entry: Delivery = { id: this.#lastId, state: 'waiting', ...facts, attempts: [] }
    this.#entries.push(entry)
    this.#tell()
    return entry
  }

  update(entry: Delivery, change: Partial<Delivery>): void {
    Object.assign(entry, change)
    this.#tell()
  }

  /** Copies: what happens later does not change them. */
  list(filter: DeliveryFilter = {}): Delivery[] {
    return this.#matching(filter).map(entry => ({ ...entry }))
  }

  /** The matching deliveries, as soon as there are `count`. */
  async wait(
    filter: DeliveryFilter,
    { count = 1, timeoutMs = 10_000, signal }: WaitOptions,
  ): Promise<Delivery[]> {
    const patience = new AbortController()
    const stop = (): void => patience.abort(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
    const timer = setTimeout(() => patience.abort(this.#tooLate(filter, count, timeoutMs)), timeoutMs)
    try {
      await this.until(() => this.#matching(filter).length >= count, patience.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    return this.list(filter)
  }

  /** Resolves once it is so; rejects with the signal's reason. */
  async until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    const ready = Promise.withResolvers<void>()
    const look = (): void => {
      if (isSo()) ready.resolve()
    }
    const stop = (): void => ready.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#watchers.add(look)
    try {
      signal.throwIfAborted()
      look()
      await ready.promise
    } finally {
      signal.removeEventListener('abort', stop)
      this.#watchers.delete(look)
    }
  }

  /** Ids go on, so that a delivery from before is never mistaken for a new one. */
  clear(): void {
    this.#entries = []
  }

  #matching(filter: DeliveryFilter): Delivery[] {
    return this.#entries.filter(entry => matches(entry, filter))
  }

  #tooLate(filter: DeliveryFilter, count: number, timeoutMs: number): BadInput {
    const [seen, total] = [this.#matching(filter).length, this.#entries.length]
    return new BadInput(
      `waited ${timeoutMs} ms for ${count} deliveries of this kind, saw ${seen} (${total} in all)`,
    )
  }

  #tell(): void {
    for (const look of this.#watchers) look()
  }
}

const matches = (entry: Delivery, { since = 0, ...wanted }: DeliveryFilter): boolean =>
  entry.id > since &&
  Object.entries(wanted).every(
    ([name, value]) => value === undefined || entry[name as keyof typeof wanted] === value,
  )
