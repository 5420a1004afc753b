/**
 * Faults by script, never by chance: "the third upload from now answers 45009". Every fault counts the calls of its
 * method from the moment it was added. All faults that are due at one call act together (a hold and a lost reply).
 */

import { BadInput, Input } from './control/input.ts'

/** How a connection ends: 'close' sends what was written and then FIN, 'reset' sends RST at once. */
export type Cut = 'close' | 'reset'

/** Instead of handling the call: nothing is accepted. */
type Instead = {
  /**
   * Absent: the answer comes after the whole body. Else it comes once `afterBytes` (default 0) of the body have
   * been read, and then the rest is read, or the connection is closed or reset.
   */
  readonly early?: 'keep-reading' | Cut | undefined
  readonly afterBytes?: number | undefined
}

/** What a fault does. Those about the answer come after the call was handled: an uploaded medium is accepted. */
export type Act =
  /** Answers this errcode in the platform's shape. */
  | ({ readonly do: 'errcode'; readonly errcode: number } & Instead)
  /** Answers an HTML page as a proxy would; status 502 by default. */
  | ({ readonly do: 'html'; readonly status?: number | undefined } & Instead)
  /** Ends the connection once so many bytes of the body were read (default 0), at its end at the latest. */
  | { readonly do: 'cut-request'; readonly afterBytes?: number | undefined; readonly how?: Cut | undefined }
  /** Ends the connection after so many bytes of the answer's body (default 0), at its end at the latest. */
  | { readonly do: 'cut-response'; readonly afterBytes?: number | undefined; readonly how?: Cut | undefined }
  /** A right Content-Length, half of the bytes, then a closed connection. */
  | { readonly do: 'half-body' }
  /** Handles the call and ends the connection without an answer; a reset by default. */
  | { readonly do: 'drop-reply'; readonly how?: Cut | undefined }
  /** Waits before the head of the answer or in the middle of its body; without `ms` until the connection ends. */
  | { readonly do: 'stall'; readonly at: 'head' | 'body'; readonly ms?: number | undefined }
  /**
   * Waits until released: 'request' once `afterBytes` of the body were read (default 0, at its end at the
   * latest), 'answer' after the call was handled and before its answer.
   */
  | { readonly do: 'hold'; readonly at: 'request' | 'answer'; readonly afterBytes?: number | undefined }
  /** `media/get` answers 200 with the whole file, whatever its size. */
  | { readonly do: 'ignore-range' }
  /** Content-Range tells other positions (by `shiftBytes`, default 1) or another total than what is sent. */
  | {
      readonly do: 'wrong-content-range'
      readonly shiftBytes?: number | undefined
      readonly totalBytes?: number | undefined
    }
  /** The status as it should be, Content-Length 0, no errcode anywhere. */
  | { readonly do: 'empty-body' }
  /** Half a JSON object, or `text`, as application/json. */
  | { readonly do: 'invalid-json'; readonly text?: string | undefined }

export type ActName = Act['do']

export type FaultSpec = {
  /** A method of the route table, such as `media/upload`. */
  readonly method: string
  /** 1 or 'next' is the next call of the method. Default 'next'. */
  readonly nth?: number | 'next' | undefined
  /** How many calls in a row. Default 1. */
  readonly times?: number | 'always' | undefined
  /** Counts and meets only calls of this corp. */
  readonly corp?: string | undefined
} & Act

export interface ScriptedFault {
  readonly id: string
  readonly spec: FaultSpec
  /** Calls counted so far. */
  readonly seen: number
  /** Calls it acted on. */
  readonly acted: number
}

const cuts = ['close', 'reset'] as const

const readInstead = (input: Input): Instead => ({
  early: input.choiceIfAny('early', ['keep-reading', ...cuts]),
  afterBytes: input.integerIfAny('afterBytes', 0),
})

const readCut = (input: Input): { afterBytes: number | undefined; how: Cut | undefined } => ({
  afterBytes: input.integerIfAny('afterBytes', 0),
  how: input.choiceIfAny('how', cuts),
})

/** One reader per act; the compiler asks for a new act's row. */
const actReaders: { readonly [Name in ActName]: (input: Input) => Omit<Extract<Act, { do: Name }>, 'do'> } = {
  errcode: input => ({ errcode: input.integer('errcode', -1), ...readInstead(input) }),
  html: input => ({ status: input.integerIfAny('status', 200, 599), ...readInstead(input) }),
  'cut-request': readCut,
  'cut-response': readCut,
  'half-body': () => ({}),
  'drop-reply': input => ({ how: input.choiceIfAny('how', cuts) }),
  stall: input => ({ at: input.choice('at', ['head', 'body']), ms: input.integerIfAny('ms', 0) }),
  hold: input => ({
    at: input.choice('at', ['request', 'answer']),
    afterBytes: input.integerIfAny('afterBytes', 0),
  }),
  'ignore-range': () => ({}),
  'wrong-content-range': input => ({
    shiftBytes: input.integerIfAny('shiftBytes', 0),
    totalBytes: input.integerIfAny('totalBytes', 0),
  }),
  'empty-body': () => ({}),
  'invalid-json': input => ({ text: input.textIfAny('text') }),
}

/** Throws `BadInput` with one line that says what is wrong. */
function readFault(value: unknown, methods: readonly string[]): FaultSpec {
  const input = Input.from(value, 'a fault')
  const where = {
    method: input.choice('method', methods),
    nth: input.is('nth', 'next') ? ('next' as const) : input.integerIfAny('nth', 1),
    times: input.is('times', 'always') ? ('always' as const) : input.integerIfAny('times', 1),
    corp: input.textIfAny('corp'),
  }
  const name = input.choice('do', Object.keys(actReaders) as ActName[])
  const act = { do: name, ...actReaders[name](input) } as Act
  input.end()
  if ('afterBytes' in act && act.afterBytes !== undefined && 'early' in act && act.early === undefined) {
    throw new BadInput("a fault: 'afterBytes' of an answer needs 'early'")
  }
  return { ...where, ...act }
}

type Counted = { -readonly [Key in keyof ScriptedFault]: ScriptedFault[Key] }

/** The script. */
export class Faults {
  readonly #methods: readonly string[]
  #faults: Counted[] = []
  #lastId = 0

  constructor(methods: readonly string[]) {
    this.#methods = methods
  }

  /** Throws `BadInput` for a fault that makes no sense. */
  add(spec: FaultSpec): ScriptedFault {
    this.#lastId += 1
    const fault = { id: `f${this.#lastId}`, spec: readFault(spec, this.#methods), seen: 0, acted: 0 }
    this.#faults.push(fault)
    return { ...fault }
  }

  list(): ScriptedFault[] {
    return this.#faults.map(fault => ({ ...fault }))
  }

  /** Answers whether there was such a fault. */
  remove(id: string): boolean {
    const before = this.#faults.length
    this.#faults = this.#faults.filter(fault => fault.id !== id)
    return this.#faults.length < before
  }

  clear(): void {
    this.#faults = []
  }

  /** Counts one call and answers what is to be done to it. */
  due(method: string, corpId: string | undefined): Act[] {
    const counting = this.#faults.filter(
      ({ spec }) => spec.method === method && (spec.corp === undefined || spec.corp === corpId),
    )
    for (const fault of counting) fault.seen += 1
    const due = counting.filter(({ spec, seen }) => isDue(spec, seen))
    for (const fault of due) fault.acted += 1
    return due.map(fault => fault.spec)
  }
}

function isDue({ nth = 'next', times = 1 }: FaultSpec, seen: number): boolean {
  const first = nth === 'next' ? 1 : nth
  return seen >= first && (times === 'always' || seen < first + times)
}
