/** One call under way: what arrived, what the script does to it, and its body as far as somebody reads it. */

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../clock.ts'
import type { Act, ActName, Cut } from './faults.ts'
import type { Admission } from './limits/limits.ts'
import type { CallEntry } from './log.ts'
import type { State } from './state.ts'

/** Thrown where a fault, or the end of the simulator, ends the connection without (the rest of) an answer. */
export class ConnectionCut extends Error {
  override readonly name = 'ConnectionCut'
  readonly how: Cut

  constructor(how: Cut) {
    super(`the simulator ends the connection (${how})`)
    this.how = how
  }
}

export interface CallArrival {
  readonly query: URLSearchParams
  readonly entry: CallEntry
  readonly acts: readonly Act[]
  readonly admission: Admission
}

export class Call {
  readonly state: State
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly entry: CallEntry
  readonly admission: Admission
  /** Aborts when the connection ends. */
  readonly signal: AbortSignal
  /** The request's body; calls that nobody reads are drained by `drain`. */
  readonly body: AsyncGenerator<Buffer, void, undefined>
  readonly #acts: readonly Act[]
  readonly #passed = new Set<Act>()

  constructor(state: State, request: IncomingMessage, response: ServerResponse, arrival: CallArrival) {
    this.state = state
    this.request = request
    this.response = response
    this.query = arrival.query
    this.entry = arrival.entry
    this.admission = arrival.admission
    this.#acts = arrival.acts
    const ended = new AbortController()
    response.once('close', () => ended.abort())
    this.signal = ended.signal
    this.body = this.#read()
  }

  /** The first act of this name that is due and, where it tells a place, belongs there. */
  act<Name extends ActName>(name: Name, at?: PlaceOf<Name>): ActOf<Name> | undefined {
    return this.#acts.find((act): act is ActOf<Name> => {
      const isThere = at === undefined || ('at' in act && act.at === at)
      return act.do === name && isThere
    })
  }

  note(change: Partial<CallEntry>): void {
    this.state.log.update(this.entry, change)
  }

  /** Closes the books; to be called before the last byte is written, since whoever has that may look, or call again. */
  done(): void {
    if (this.entry.state === 'done') return
    this.admission.end(this.entry)
    this.note({ state: 'done', endedAtMs: systemClock.nowMs() })
  }

  /** Reads on until `sizeBytes` of the body have been read, or it ends. */
  async drain(sizeBytes = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.entry.bytesIn < sizeBytes) {
      if ((await this.body.next()).done) return
    }
  }

  /** The answer is out, or the connection is gone. */
  async closed(): Promise<void> {
    if (!this.signal.aborted) await once(this.signal, 'abort')
  }

  async hold(): Promise<void> {
    const held = this.state.holds.hold(this.entry.id, this.signal)
    this.note({ state: 'held' })
    await held
    this.note({ state: 'open' })
  }

  /** Meets the faults that wait for this many bytes of the body. */
  async passRequest(readBytes: number): Promise<void> {
    for (const act of this.#acts) {
      if (!isAtRequest(act) || this.#passed.has(act) || readBytes < (act.afterBytes ?? 0)) continue
      this.#passed.add(act)
      if (act.do === 'cut-request') throw new ConnectionCut(act.how ?? 'reset')
      await this.hold()
    }
  }

  async *#read(): AsyncGenerator<Buffer, void, undefined> {
    // The stream must survive a reader that gives up: the rest is drained, and the answer uses the same connection.
    for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
      this.note({ bytesIn: this.entry.bytesIn + chunk.length })
      await this.passRequest(this.entry.bytesIn)
      yield chunk
    }
    await this.passRequest(Number.POSITIVE_INFINITY)
  }
}

type ActOf<Name extends ActName> = Extract<Act, { do: Name }>
type PlaceOf<Name extends ActName> = ActOf<Name> extends { at: infer Place } ? Place : never
type AtRequest = Extract<Act, { do: 'cut-request' | 'hold' }>

const isAtRequest = (act: Act): act is AtRequest =>
  act.do === 'cut-request' || (act.do === 'hold' && act.at === 'request')
